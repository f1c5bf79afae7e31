// Chats of the AI SDK, as tests tell them what to do: one command a line, one answer a line.
import { Chat, useChat } from "@ai-sdk/react";
import { DefaultChatTransport } from "ai";
import { createInterface } from "node:readline";
import { act, createElement, StrictMode } from "react";

globalThis.IS_REACT_NATIVE_TEST_ENVIRONMENT = true; // or its renderer complains about its age
const { create } = (await import("react-test-renderer")).default;

const chats = {};

function options({ id, url, token, messages, reconnect }) {
  const finishes = [];
  const transport = new DefaultChatTransport({
    api: `${url}/api/chat`,
    headers: { Authorization: `Bearer ${token}` },
    ...(reconnect && { prepareReconnectToStreamRequest: () => ({ api: `${url}/api/chat/${reconnect}` }) }),
  });
  const onFinish = ({ isAbort, isDisconnect, isError, finishReason }) =>
    finishes.push({ isAbort, isDisconnect, isError, finishReason });
  return { id, messages, transport, onFinish, finishes };
}

const commands = {
  open({ chat, ...rest }) {
    const { finishes, ...init } = options(rest);
    chats[chat] = { it: new Chat(init), finishes };
  },
  async mount({ chat, ...rest }) {
    const { finishes, ...init } = options(rest);
    const entry = (chats[chat] = { finishes });
    const Page = () => (entry.it = useChat({ ...init, resume: true })) && null;
    globalThis.IS_REACT_ACT_ENVIRONMENT = true;
    await act(async () => (entry.page = create(createElement(StrictMode, null, createElement(Page)))));
    globalThis.IS_REACT_ACT_ENVIRONMENT = false;
  },
  unmount({ chat }) {
    chats[chat].page.unmount();
  },
  call({ chat, method, args }) {
    chats[chat].called = chats[chat].it[method](...args);
  },
  async settle({ chat }) {
    await chats[chat].called; // never rejects: errors become the chat's status
  },
  state({ chat }) {
    const { it, finishes } = chats[chat];
    return { id: it.id, status: it.status, error: it.error?.message, messages: it.messages, finishes };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  try {
    const command = JSON.parse(line);
    console.log(JSON.stringify({ value: (await commands[command.do](command)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ failure: String(error.stack) }));
  }
}
