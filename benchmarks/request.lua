-- Either BODY (a file) posted again and again, or each request of REQUESTS in turn: a file with
-- lines of "method<TAB>path<TAB>headers as name=value, separated by ;;<TAB>body"; from the environment.
local requests, turn = {}, 0

local function headers(text)
  local made = {}
  for name, value in text:gmatch("([^=;]+)=(.-);;") do
    made[name] = value
  end
  return made
end

function init()
  wrk.headers["Accept"] = "application/json"
  if os.getenv("BODY") then
    local file = assert(io.open(os.getenv("BODY"), "rb"))
    local body = file:read("*a")
    file:close()
    requests[1] = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
  else
    for line in io.lines(os.getenv("REQUESTS")) do
      local method, path, given, body = line:match("^(%u+)\t(%S+)\t([^\t]*)\t(.*)$")
      requests[#requests + 1] = wrk.format(method, path, headers(given), body)
    end
  end
end

function request()
  turn = turn + 1
  if turn > #requests then
    if os.getenv("ONCE") then
      wrk.thread:stop()
    end
    turn = 1
  end
  return requests[turn]
end
