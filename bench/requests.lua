-- Arguments: method, path with {key}, token, file of keys, body, If-Match. The body may hold {n}, a number that rises.
local keys, n, method, path, body, headers = {}, 0, nil, nil, nil, {}

function init(args)
  method, path, body = args[1], args[2], args[5] or ""
  headers["Authorization"] = "Bearer " .. args[3]
  if body ~= "" then headers["Content-Type"] = "application/json" end
  if (args[6] or "") ~= "" then headers["If-Match"] = args[6] end
  for key in io.lines(args[4]) do keys[#keys + 1] = key end
  math.randomseed(os.time())
end

function request()
  n = n + 1
  local url = path:gsub("{key}", keys[math.random(#keys)])
  local payload = nil
  if body ~= "" then payload = body:gsub("{n}", n) end
  return wrk.format(method, url, headers, payload)
end
