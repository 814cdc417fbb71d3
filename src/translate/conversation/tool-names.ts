import type { Answer, AnswerEvent, AnswerPart } from "./answer.ts";
import type { AssistantPart, Conversation, Tool, ToolChoice, Turn } from "./conversation.ts";

/** Every vendor takes names of these characters, and of this length. */
const LENGTH_MAX = 64;
const HASH_LENGTH = 8;

const NONE: ReadonlyMap<string, string> = new Map();

/** A conversation in which every function has a name that the backend takes. */
export interface FittedTools {
  readonly conversation: Conversation;
  /** Names as the caller has them by those that were put in their place; empty = all fit. */
  readonly callerNames: ReadonlyMap<string, string>;
}

/**
 * Gives functions whose names the backend would refuse (agents prefix names until they are too long) others, the same each time,
 * so that a cached prompt stays one.
 */
export function fitToolNames(conversation: Conversation, allowed: RegExp | undefined): FittedTools {
  const renamed = allowed === undefined ? NONE : refusedNames(conversation, allowed);
  if (renamed.size === 0) return { conversation, callerNames: NONE };
  const rename = <T extends { readonly name: string }>(named: T): T => ({
    ...named,
    name: renamed.get(named.name) ?? named.name,
  });
  return {
    conversation: {
      ...conversation,
      tools: conversation.tools.map((tool): Tool => (tool.type === "function" ? rename(tool) : tool)),
      toolChoice: renameChoice(conversation.toolChoice, rename),
      turns: conversation.turns.map((turn): Turn => {
        if (turn.role === "user") return turn;
        return {
          role: "assistant",
          parts: turn.parts.map((part): AssistantPart => (part.type === "tool-call" ? rename(part) : part)),
        };
      }),
    },
    callerNames: new Map([...renamed].map(([name, fitted]) => [fitted, name])),
  };
}

type Named = Extract<ToolChoice, { readonly type: "tool" }>;

function renameChoice(choice: ToolChoice | undefined, rename: (named: Named) => Named): ToolChoice | undefined {
  return choice?.type === "tool" ? rename(choice) : choice;
}

/** The names that do not fit, and what takes their places. */
function refusedNames({ tools, toolChoice, turns }: Conversation, allowed: RegExp): ReadonlyMap<string, string> {
  const refused = new Map<string, string>();
  const check = ({ name }: { readonly name: string }): void => {
    if (!allowed.test(name)) refused.set(name, shorten(name));
  };
  for (const tool of tools) if (tool.type === "function") check(tool);
  if (toolChoice?.type === "tool") check(toolChoice);
  for (const turn of turns) {
    if (turn.role === "user") continue;
    for (const part of turn.parts) if (part.type === "tool-call") check(part);
  }
  return refused;
}

/** As much of the name as there is room for before a hash of all of it. */
function shorten(name: string): string {
  const plain = name.replaceAll(/[^a-zA-Z0-9_-]/g, "_").replace(/^(?=[^a-zA-Z_])/, "_");
  return `${plain.slice(0, LENGTH_MAX - HASH_LENGTH - 1)}_${hash(name)}`;
}

/** FNV-1a of 32 bits, in hexadecimal: http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(text: string): string {
  let sum = 0x811c9dc5;
  for (const byte of Buffer.from(text)) sum = Math.imul(sum ^ byte, 0x01000193);
  return (sum >>> 0).toString(16).padStart(HASH_LENGTH, "0");
}

/** An event with the caller's name of the function. */
export function restoreEvent(event: AnswerEvent, callerNames: ReadonlyMap<string, string>): AnswerEvent {
  if (callerNames.size === 0 || event.type !== "part" || event.begin.type !== "tool-call") return event;
  const name = callerNames.get(event.begin.name);
  return name === undefined ? event : { ...event, begin: { ...event.begin, name } };
}

/** An answer with the caller's names of the functions. */
export function restoreAnswer(answer: Answer, callerNames: ReadonlyMap<string, string>): Answer {
  if (callerNames.size === 0) return answer;
  const restore = (part: AnswerPart): AnswerPart =>
    part.type === "tool-call" ? { ...part, name: callerNames.get(part.name) ?? part.name } : part;
  return {
    ...answer,
    choices: answer.choices.map((choice) => ({ ...choice, parts: choice.parts.map(restore) })),
  };
}
