/** Content blocks of a messages request: https://docs.anthropic.com/en/api/messages#body-messages */
import { bytesSource } from "../chat-completions/content.ts";
import type {
  AssistantPart,
  CacheControl,
  MediaPart,
  MediaSource,
  TextPart,
  ToolCallPart,
  UserPart,
} from "../conversation.ts";
import { malformed } from "../losses.ts";
import {
  flag,
  isRecord,
  type JsonRecord,
  list,
  record,
  requiredList,
  requiredRecord,
  requiredText,
  text,
} from "../read.ts";

/** What no other dialect has a word for, by its path in the request; backends tell that it is lost. */
export type Unread = Map<string, unknown>;

/** Reads the content of a user's message: a string or blocks. */
export function readUserContent(content: unknown, path: string, unread: Unread): UserPart[] {
  return readContent(content, path, (block, at) => readUserBlock(block, at, unread));
}

/** Reads the content of an assistant's message, as an earlier answer had it. */
export function readAssistantContent(content: unknown, path: string, unread: Unread): AssistantPart[] {
  return readContent(content, path, (block, at) => readAssistantBlock(block, at, unread));
}

/** Reads instructions: a string or text blocks. */
export function readSystemContent(content: unknown, path: string, unread: Unread): TextPart[] {
  return readContent(content, path, (block, at) => {
    if (block["type"] === "text") return [readText(block, at, unread)];
    unread.set(at, block);
    return [];
  });
}

/** Where a block or tool stands, and its `cache_control`: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching */
export function readPlace(holder: JsonRecord, path: string): { readonly path: string; readonly cache?: CacheControl } {
  const said = record(holder["cache_control"], `${path}.cache_control`);
  if (said === undefined) return { path };
  const ttl = said["ttl"];
  return { path, cache: { ttl: ttl === "5m" || ttl === "1h" ? ttl : undefined } };
}

function readContent<Part>(
  content: unknown,
  path: string,
  readBlock: (block: JsonRecord, path: string) => readonly (Part | TextPart)[],
): (Part | TextPart)[] {
  if (typeof content === "string") return [{ type: "text", text: content, path }];
  return requiredList(content, path).flatMap((block, index) => {
    const at = `${path}[${index}]`;
    return readBlock(requiredRecord(block, at), at);
  });
}

function readUserBlock(block: JsonRecord, path: string, unread: Unread): UserPart[] {
  if (block["type"] !== "tool_result") return readInputBlock(block, path, unread);
  const content = block["content"];
  const parts =
    content === undefined || content === null
      ? []
      : readContent<TextPart | MediaPart>(content, `${path}.content`, (inner, at) => readInputBlock(inner, at, unread));
  return [
    {
      type: "tool-result",
      id: requiredText(block["tool_use_id"], `${path}.tool_use_id`),
      parts,
      isError: flag(block["is_error"], `${path}.is_error`) ?? false,
      ...readPlace(block, path),
    },
  ];
}

/** Reads a block that may stand in a user's message as well as in a tool result. */
function readInputBlock(block: JsonRecord, path: string, unread: Unread): (TextPart | MediaPart)[] {
  switch (requiredText(block["type"], `${path}.type`)) {
    case "text":
      return [readText(block, path, unread)];
    case "image":
      return [{ type: "image", source: readSource(block, path), ...readPlace(block, path) }];
    case "document":
      return readDocument(block, path, unread);
    case "search_result":
      return [readSearchResult(block, path, unread)];
    default:
      unread.set(path, block);
      return [];
  }
}

function readAssistantBlock(block: JsonRecord, path: string, unread: Unread): AssistantPart[] {
  switch (requiredText(block["type"], `${path}.type`)) {
    case "text":
      return [readText(block, path, unread)];
    case "thinking": {
      // An answer of a provider that does not sign comes back with "".
      const signature = text(block["signature"], `${path}.signature`) || undefined;
      return [{ type: "thinking", text: text(block["thinking"], `${path}.thinking`) ?? "", signature, path }];
    }
    case "redacted_thinking":
      return [{ type: "redacted-thinking", data: requiredText(block["data"], `${path}.data`), path }];
    case "tool_use":
      return [readToolUse(block, path)];
    default:
      unread.set(path, block);
      return [];
  }
}

function readText(block: JsonRecord, path: string, unread: Unread): TextPart {
  const citations = list(block["citations"], `${path}.citations`);
  if (citations !== undefined && citations.length > 0) unread.set(`${path}.citations`, citations);
  return { type: "text", text: requiredText(block["text"], `${path}.text`), ...readPlace(block, path) };
}

function readToolUse(block: JsonRecord, path: string): ToolCallPart {
  return {
    type: "tool-call",
    id: requiredText(block["id"], `${path}.id`),
    name: requiredText(block["name"], `${path}.name`),
    arguments: JSON.stringify(record(block["input"], `${path}.input`) ?? {}),
    ...readPlace(block, path),
  };
}

/** https://docs.anthropic.com/en/docs/build-with-claude/pdf-support */
function readDocument(block: JsonRecord, path: string, unread: Unread): (TextPart | MediaPart)[] {
  noteCitations(block, path, unread);
  const context = text(block["context"], `${path}.context`);
  if (context !== undefined) unread.set(`${path}.context`, context);
  const name = text(block["title"], `${path}.title`);
  const document = (source: MediaSource): MediaPart => ({
    type: "document",
    source,
    ...(name === undefined ? {} : { name }),
    ...readPlace(block, path),
  });
  const source = block["source"];
  if (!isRecord(source) || source["type"] !== "content") return [document(readSource(block, path))];
  const parts = readContent(source["content"], `${path}.source.content`, (inner, at) =>
    readInputBlock(inner, at, unread),
  );
  return parts.map((part) => (part.type === "text" ? document({ kind: "text", text: part.text }) : part));
}

/** A search result becomes text that begins with where it is from: https://docs.anthropic.com/en/docs/build-with-claude/search-results */
function readSearchResult(block: JsonRecord, path: string, unread: Unread): TextPart {
  noteCitations(block, path, unread);
  const title = text(block["title"], `${path}.title`) ?? "";
  const source = text(block["source"], `${path}.source`) ?? "";
  const content = readSystemContent(block["content"], `${path}.content`, unread);
  const heading = [title, source].filter((word) => word !== "").join(", ");
  return {
    type: "text",
    text: `[Search result: ${heading}]\n${content.map((part) => part.text).join("\n")}\n`,
    ...readPlace(block, path),
  };
}

function noteCitations(block: JsonRecord, path: string, unread: Unread): void {
  const citations = record(block["citations"], `${path}.citations`);
  if (citations?.["enabled"] === true) unread.set(`${path}.citations`, citations);
}

function readSource(block: JsonRecord, path: string): MediaSource {
  const at = `${path}.source`;
  const source = requiredRecord(block["source"], at);
  const type = requiredText(source["type"], `${at}.type`);
  switch (type) {
    case "base64":
      return bytesSource(
        requiredText(source["media_type"], `${at}.media_type`),
        requiredText(source["data"], `${at}.data`),
        `${at}.data`,
      );
    case "url":
      return { kind: "url", url: requiredText(source["url"], `${at}.url`), mimeType: undefined };
    case "file":
      return { kind: "file-id", id: requiredText(source["file_id"], `${at}.file_id`) };
    case "text":
      return { kind: "text", text: requiredText(source["data"], `${at}.data`) };
    default:
      throw malformed(`${at}.type`, `${JSON.stringify(type)} is not a known source`);
  }
}
