// An agent's loop as users write it: stream, run the calls, send everything back, until there is only text.
import { client, report, weather } from "./client.mjs";

const input = [{ role: "user", content: "Please call get_weather for the weather in Oslo" }];
const calls = [];
let answer = "";

for (let turn = 0; turn < 4 && !answer; turn += 1) {
  const stream = client.responses.stream({ model: "demo/demo", input, tools: [weather] });
  const response = await stream.finalResponse();
  input.push(...response.output);
  const wanted = response.output.filter((item) => item.type === "function_call");
  for (const call of wanted) {
    calls.push({ name: call.name, arguments: JSON.parse(call.arguments), status: call.status });
    input.push({ type: "function_call_output", call_id: call.call_id, output: "It is sunny, 21 degrees." });
  }
  answer = wanted.length === 0 ? response.output_text : "";
}

report({ calls, answer });
