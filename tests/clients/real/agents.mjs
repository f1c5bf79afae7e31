// The Agents SDK for JavaScript: a tool loop on both APIs, whole and as a stream, and a second turn.
import {
  Agent,
  run,
  setDefaultOpenAIClient,
  setOpenAIAPI,
  setTracingDisabled,
  tool,
  webSearchTool,
} from "@openai/agents";
import OpenAI from "openai-7";
import { z } from "zod";

setTracingDisabled(true);
setDefaultOpenAIClient(new OpenAI());
const weather = tool({
  name: "weather",
  description: "The weather",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `cold in ${city}`,
});

async function turns(api, stream) {
  setOpenAIAPI(api);
  const tools = api === "responses" ? [weather, webSearchTool()] : [weather];
  const agent = new Agent({ name: "A", instructions: "Be brief.", model: "gpt-5", tools });
  const first = await run(agent, process.env.PROMPT, { stream });
  if (stream) {
    for await (const event of first) void event;
    await first.completed;
  }
  const second = await run(agent, [...first.history, { role: "user", content: "And now?" }]);
  return first.finalOutput === "It is cold." && second.finalOutput.startsWith("w1 w2 ");
}

for (const api of ["responses", "chat_completions"]) {
  for (const stream of [false, true]) {
    let detail = "";
    const ok = await turns(api, stream).catch((error) => ((detail = `${error}`), false));
    console.log(JSON.stringify({ client: "openai-agents (js)", way: `${api}${stream ? ", stream" : ""}`, ok, detail }));
  }
}
