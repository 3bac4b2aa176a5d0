-- Arguments: method, path, token, file of keys, body, If-Match. The path may hold {key}, and the body of such a one may
-- hold {n}, a number that rises, once. Each key ends its line, and all are of one length.
--
-- The processors are shared with what is measured. So requests are formatted once for each number of digits of {n}, and
-- each one is put together of its pieces; and the keys stay one string, since a collector would go through all of them.
local keys, width, count, n, method, path, body, headers, pieces = "", 0, 0, 0, nil, nil, nil, {}, {}

function init(args)
  method, path, body = args[1], args[2], args[5] or ""
  headers["Authorization"] = "Bearer " .. args[3]
  if body ~= "" then headers["Content-Type"] = "application/json" end
  if (args[6] or "") ~= "" then headers["If-Match"] = args[6] end
  local file = assert(io.open(args[4]))
  keys = file:read("*a")
  file:close()
  width = assert(keys:find("\n", 1, true), "no key ends its line")
  count = math.floor(#keys / width)
  for place = width, #keys + width - 1, width do
    assert(keys:byte(place) == 10, "the keys are not of one length, or the last one does not end its line")
  end
  math.randomseed(os.time())
end

-- What stands before the key, between it and the number, and behind that; the last two may be missing.
local function formatted(digits)
  local payload, behind = nil, nil
  if body ~= "" then
    local first, last = body:find("{n}", 1, true)
    if first == nil then
      payload = body
    else
      behind = body:sub(last + 1)
      assert(not behind:find("{n}", 1, true), "the body has more than one {n}")
      payload = body:sub(1, first - 1) .. ("0"):rep(digits) .. behind
    end
  end
  local whole = wrk.format(method, path, headers, payload)
  local first, last = whole:find("{key}", 1, true)
  if first == nil then
    assert(behind == nil, "a body has {n}, and the path no {key}")
    return {whole}
  end
  if behind == nil then return {whole:sub(1, first - 1), whole:sub(last + 1)} end
  return {whole:sub(1, first - 1), whole:sub(last + 1, #whole - digits - #behind), behind}
end

function request()
  n = n + 1
  local number = tostring(n)
  local piece = pieces[#number]
  if piece == nil then
    piece = formatted(#number)
    pieces[#number] = piece
  end
  if piece[2] == nil then return piece[1] end
  local place = (math.random(count) - 1) * width
  local key = keys:sub(place + 1, place + width - 1)
  if piece[3] == nil then return piece[1] .. key .. piece[2] end
  return piece[1] .. key .. piece[2] .. number .. piece[3]
end
