// Chats of the AI SDK, as tests tell them what to do: one command a line, one answer a line.
import { Chat } from "@ai-sdk/react";
import { DefaultChatTransport } from "ai";
import { createInterface } from "node:readline";

const chats = {};

const commands = {
  open({ chat, id, url, token, messages, reconnect }) {
    const finishes = [];
    const transport = new DefaultChatTransport({
      api: `${url}/api/chat`,
      headers: { Authorization: `Bearer ${token}` },
      ...(reconnect && { prepareReconnectToStreamRequest: () => ({ api: `${url}/api/chat/${reconnect}` }) }),
    });
    const onFinish = ({ isAbort, isDisconnect, isError, finishReason }) =>
      finishes.push({ isAbort, isDisconnect, isError, finishReason });
    chats[chat] = { it: new Chat({ id, messages, transport, onFinish }), finishes };
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
