-- Posts BODY (a file). With HONOUR each refusal is followed by a pause as its Retry-After says.
local refused, seconds = 0, 1

function init()
  local file = assert(io.open(os.getenv("BODY"), "rb"))
  wrk.method, wrk.body = "POST", file:read("*a")
  file:close()
  wrk.headers["Content-Type"] = "application/json"
end

if os.getenv("HONOUR") then
  function response(status, headers)
    if status == 503 then
      refused = refused + 1
      seconds = tonumber(headers["retry-after"] or headers["Retry-After"]) or 1
    end
  end

  -- Asked before each request; which connection it is for is not told, but the number is right.
  function delay()
    if refused > 0 then
      refused = refused - 1
      return seconds * 1000
    end
    return 0
  end
end
