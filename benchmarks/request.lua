-- Either BODY (a file) posted again and again, or GET of each client of CLIENTS (a file with
-- "path<TAB>token" lines) in turn; from the environment.
local requests, turn = {}, 0

function init()
  wrk.headers["Accept"] = "application/json"
  if os.getenv("BODY") then
    local file = assert(io.open(os.getenv("BODY"), "rb"))
    local body = file:read("*a")
    file:close()
    requests[1] = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
  else
    for line in io.lines(os.getenv("CLIENTS")) do
      local path, token = line:match("^(%S+)\t(%S+)$")
      requests[#requests + 1] = wrk.format("GET", path, { Authorization = "Bearer " .. token })
    end
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
