// The AI SDK in its three versions, each with four ways to a model: a tool loop, and a second request that goes on.
import { createOpenAI as openai5 } from "@ai-sdk/openai-5";
import { createOpenAI as openai6 } from "@ai-sdk/openai-6";
import { createOpenAI as openai7 } from "@ai-sdk/openai-7";
import { createOpenAICompatible as compatible5 } from "@ai-sdk/openai-compatible-5";
import { createOpenAICompatible as compatible6 } from "@ai-sdk/openai-compatible-6";
import { createOpenAICompatible as compatible7 } from "@ai-sdk/openai-compatible-7";
import * as ai5 from "ai-5";
import * as ai6 from "ai-6";
import * as ai7 from "ai-7";
import { z } from "zod";

const site = { baseURL: process.env.OPENAI_BASE_URL, apiKey: process.env.OPENAI_API_KEY };
const prompt = process.env.PROMPT; // one that calls the tool `weather`, then says "It is cold."
const versions = { 5: [ai5, openai5, compatible5], 6: [ai6, openai6, compatible6], 7: [ai7, openai7, compatible7] };

async function goOn({ generateText, streamText, tool, stepCountIs }, model) {
  const weather = tool({
    description: "The weather",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `cold in ${city}`,
  });
  const question = { role: "user", content: prompt };
  const first = await generateText({ model, messages: [question], tools: { weather }, stopWhen: stepCountIs(4) });
  let failure;
  const messages = [question, ...first.response.messages, { role: "user", content: "And now?" }];
  const second = streamText({ model, messages, tools: { weather }, onError: ({ error }) => (failure = error) });
  let text = "";
  for await (const piece of second.textStream) text += piece;
  if (failure) throw failure;
  return first.text === "It is cold." && first.steps.length === 2 && text.startsWith("w1 w2 ");
}

for (const [version, [ai, createOpenAI, createCompatible]] of Object.entries(versions)) {
  const openai = createOpenAI(site);
  const compatible = createCompatible({ name: "site", ...site });
  const ways = {
    "openai()": openai("gpt-5"),
    "openai.chat()": openai.chat("gpt-5"),
    "openai.responses()": openai.responses("scripted"),
    "openai-compatible": compatible("gpt-5"),
  };
  for (const [way, model] of Object.entries(ways)) {
    let detail = "";
    const ok = await goOn(ai, model).catch((error) => ((detail = `${error}`), false));
    console.log(JSON.stringify({ client: `AI SDK ${version}`, way, ok, detail }));
  }
}
