-- From the environment: BODY (a file) posted again and again; with VARY its client_name is another
-- each time. Or each request of REQUESTS in turn: a file with lines of
-- "method<TAB>path<TAB>headers as name=value, separated by ;;<TAB>body". ONCE: stop at its end.
-- FOLLOW: the next request of a client has the registration access token of its last answer, and
-- is not made before that is there.
local requests, turn = {}, 0
local vary, follow = os.getenv("VARY"), os.getenv("FOLLOW")
local template
local parts, waiting, first, last = {}, {}, 1, 0

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
    template = body
  else
    for line in io.lines(os.getenv("REQUESTS")) do
      local method, path, given, body = line:match("^(%u+)\t(%S+)\t([^\t]*)\t(.*)$")
      if follow then
        local client = body:match('"client_id": *"(.-)"')
        parts[client] = { method, path, given, body }
        last = last + 1
        waiting[last] = client
      else
        requests[#requests + 1] = wrk.format(method, path, headers(given), body)
      end
    end
  end
end

local function next_of_a_client()
  local client = waiting[first]
  waiting[first] = nil
  first = first + 1
  local part = parts[client]
  return wrk.format(part[1], part[2], headers(part[3]), part[4])
end

local function varied()
  local body = template:gsub("Benchmark client", string.format("Benchmark %07d", turn), 1)
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
end

function request()
  if follow then
    return next_of_a_client()
  end
  turn = turn + 1
  if vary then
    return varied()
  end
  if turn > #requests then
    if os.getenv("ONCE") then
      wrk.thread:stop()
    end
    turn = 1
  end
  return requests[turn]
end

if follow then
  function response(status, _, body)
    local client = body:match('"client_id": *"(.-)"')
    local token = body:match('"registration_access_token": *"(.-)"')
    if status == 200 and client and token then
      parts[client][3] = parts[client][3]:gsub("Bearer [^;]+", "Bearer " .. token)
      last = last + 1
      waiting[last] = client
    end
  end
end
