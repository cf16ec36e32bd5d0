-- The requests of one job, in turn: submit, poll, fetch. Three requests are one job.
local numbers = 0
local body = '{"model":"bench/clip","prompt":"Product 1 turns slowly on marble, the camera pushes in",' ..
    '"seconds":"5","size":"1280x720","seed":1}'
local submit = nil

function init()
  submit = wrk.format("POST", "/jobs", {["Content-Type"] = "application/json"}, body)
end

function request()
  numbers = numbers + 1
  local step, job = numbers % 3, math.floor(numbers / 3) + 1
  if step == 1 then return submit end
  if step == 2 then return wrk.format("GET", "/jobs/" .. job) end
  return wrk.format("GET", "/clips/" .. job)
end
