// The AI SDK as its users write it: a loop of several steps with a tool, whole and streamed, and structured output.
// Run by tests/agents/test_vercel.py, which writes documented.mjs beside it from the documentation.
import { generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { model, providerOptions } from "./documented.mjs";

const getWeather = tool({
  description: "Get the weather.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `sunny in ${city}`,
});
const loop = {
  model,
  providerOptions,
  maxRetries: 0,
  system: "Be nice.",
  prompt: "The weather in Rome?",
  tools: { getWeather },
  stopWhen: stepCountIs(4),
};

async function whole() {
  const result = await generateText({ ...loop, include: { requestBody: true } });
  const { text, steps, finishReason, totalUsage } = result;
  const body = steps.at(-1).request.body;
  const { input } = typeof body === "string" ? JSON.parse(body) : body;
  const sent = input.map((item) => item.type ?? "message");
  return { answer: text, steps: steps.length, finish: finishReason, usage: totalUsage.totalTokens, sent };
}

async function streamed() {
  const parts = [];
  const errors = [];
  let text = "";
  const result = streamText({ ...loop, onError: ({ error }) => errors.push(String(error)) });
  for await (const part of result.fullStream) {
    parts.push(part.type);
    if (part.type === "text-delta") text += part.text;
  }
  return { answer: text, parts, errors, finish: await result.finishReason };
}

// A loop after something that is stored: a response, or a conversation, by its id.
async function after() {
  const [, , , option, id] = process.argv;
  const result = await generateText({ ...loop, providerOptions: { openai: { [option]: id } } });
  return { answer: result.text, steps: result.steps.length };
}

async function structured() {
  const schema = z.object({ name: z.string(), age: z.number() });
  const result = await generateText({ model, providerOptions, maxRetries: 0, prompt: "Who?", output: Output.object({ schema }) });
  return { person: result.output };
}

async function failure() {
  const wanted = generateText({ model, providerOptions, maxRetries: 0, prompt: "Hi" });
  return wanted.then(
    () => ({ failed: false }),
    (error) => ({ failed: true, status: error.statusCode, message: error.message, retryable: error.isRetryable }),
  );
}

const steps = { whole, streamed, after, structured, failure };
console.log(JSON.stringify(await steps[process.argv[2]]()));
