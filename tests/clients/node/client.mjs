// What the scripts share: a client of the gateway as a user would make it, and how a result is handed to the test.
import OpenAI from "openai";

export const client = new OpenAI({
  baseURL: process.env.GATEWAY_BASE_URL,
  apiKey: process.env.GATEWAY_KEY,
  maxRetries: 0,
  timeout: 20_000,
});

export const weather = {
  type: "function",
  name: "get_weather",
  description: "The weather in a city.",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
  strict: true,
};

export const clock = { ...weather, name: "get_time", description: "The time in a city." };

/** The class, status, code and param of the error that the call ends with; null if it ends well. */
export async function failure(call) {
  try {
    await call();
  } catch (error) {
    const { status, code, param, requestID } = error;
    return { name: error.constructor.name, status, code, param, hasRequestId: Boolean(requestID) };
  }
  return null;
}

/** Prints the result as the only line on stdout; the test reads it as JSON. */
export function report(result) {
  process.stdout.write(JSON.stringify(result));
}
