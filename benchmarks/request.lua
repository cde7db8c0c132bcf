-- From the environment: BODY (a file) posted again and again. Or each request of REQUESTS in turn: a
-- file with lines of "method<TAB>path<TAB>headers as name=value, separated by ;;<TAB>body".
-- ONCE: stop at its end. VARY: another client_name each time.
-- FOLLOW: the next request of a client has the registration access token of its last answer, and
-- is not made before that is there. DELAY: milliseconds that each connection waits on average before
-- its next request, so that fewer are made than could be.
local vary, follow, once = os.getenv("VARY"), os.getenv("FOLLOW"), os.getenv("ONCE")
-- Requests that are ready, one after the other, or the body that varies.
local requests, turn, template = {}, 0, nil
-- With FOLLOW: the parts of each client's request, and the queue of the clients that may ask.
local parts, queue, first, last = {}, {}, 1, 0

local function headers(text)
  local made = {}
  for name, value in text:gmatch("([^=;]+)=(.-);;") do
    made[name] = value
  end
  return made
end

local function posted(body)
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
end

local function varied(body)
  turn = turn + 1
  return (body:gsub("Benchmark client", string.format("Benchmark %06d", turn), 1))
end

local function member(body, name)
  return body:match('"' .. name .. '": *"(.-)"')
end

local function enqueue(client)
  last = last + 1
  queue[last] = client
end

local function read_requests(file)
  for line in io.lines(file) do
    local method, path, given, body = line:match("^(%u+)\t(%S+)\t([^\t]*)\t(.*)$")
    if follow then
      local client = member(body, "client_id")
      parts[client] = { method = method, path = path, headers = headers(given), body = body }
      enqueue(client)
    else
      requests[#requests + 1] = wrk.format(method, path, headers(given), body)
    end
  end
end

function init()
  wrk.headers["Accept"] = "application/json"
  if os.getenv("BODY") then
    local file = assert(io.open(os.getenv("BODY"), "rb"))
    template = file:read("*a")
    file:close()
    requests[1] = posted(template)
  else
    read_requests(os.getenv("REQUESTS"))
  end
end

local function of_next_client()
  local client = queue[first]
  if not client then -- those before have failed, and are counted
    wrk.thread:stop()
    return wrk.format("GET")
  end
  queue[first] = nil
  first = first + 1
  local part = parts[client]
  return wrk.format(part.method, part.path, part.headers, vary and varied(part.body) or part.body)
end

local function in_turn()
  turn = turn + 1
  if turn > #requests then
    if once then
      wrk.thread:stop()
    end
    turn = 1
  end
  return requests[turn]
end

local mean = tonumber(os.getenv("DELAY"))
if mean then
  function delay()
    return math.random(0, 2 * mean)
  end
end

function request()
  if follow then
    return of_next_client()
  end
  if vary then
    return posted(varied(template))
  end
  return in_turn()
end

if follow then
  function response(status, _, body)
    local client, token = member(body, "client_id"), member(body, "registration_access_token")
    if status == 200 and client and token then
      parts[client].headers["Authorization"] = "Bearer " .. token
      enqueue(client)
    end
  end
end
