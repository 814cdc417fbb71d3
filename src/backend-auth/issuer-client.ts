/**
 * HTTP to those who issue tokens, for the vendors' libraries: without redirects, because a request holds secrets; with bounds of
 * time and size; and with an account of what went wrong that holds no secret, which the libraries' own errors may.
 */
import { request as requestHttp } from "node:http";
import { Agent, type RequestOptions, request as requestHttps } from "node:https";
import { issuerUrlFault } from "../config/issuer-url.ts";

/** Longest time for one request. */
const TIMEOUT_MS = 10_000;

/** Most bytes of an answer: tokens with many groups have some ten thousand. */
const ANSWER_BYTES_MAX = 1 << 20;

/** Statuses that a Response must be made of without a body. */
const BODILESS = new Set([204, 205, 304]);

/** Error codes are words; what else stands in their place may be anything, also what was sent. */
const ERROR_CODE = /^[a-z_]{1,64}$/i;

/** What the libraries give their `fetch`. */
export interface IssuerRequest {
  readonly method?: string | undefined;
  readonly headers?: ConstructorParameters<typeof Headers>[0];
  readonly body?: unknown;
}

/** Where and until when requests go. */
export interface IssuerClientOptions {
  readonly signal: AbortSignal;
  /** URL of a proxy for HTTPS; undefined or empty = as Node does it. */
  readonly proxy: string | undefined;
}

/** The requests of one exchange. */
export class IssuerClient {
  readonly #signal: AbortSignal;
  readonly #agent: Agent | undefined;
  /** What came of the last request. */
  #outcome: { readonly answered: boolean; readonly text: string } | undefined;

  constructor({ signal, proxy }: IssuerClientOptions) {
    this.#signal = signal;
    this.#agent = proxy ? new Agent({ proxyEnv: { HTTPS_PROXY: proxy } }) : undefined;
  }

  /** One request, like the global `fetch`; an answer of any status resolves. */
  readonly fetch = async (target: string | URL, init: IssuerRequest = {}): Promise<Response> => {
    const url = new URL(target);
    const fault = issuerUrlFault(url.href);
    if (fault !== undefined) {
      this.#outcome = { answered: false, text: `the URL of ${url.host} ${fault}` };
      throw new Error(this.#outcome.text);
    }
    // A signal of each request: AbortSignal.timeout does not keep the process alive.
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      const response = await send(url, init, { signal, ...(url.protocol === "https:" && { agent: this.#agent }) });
      this.#outcome = {
        answered: response.ok,
        text: `${url.host} answered ${response.status}${await codeOf(response)}`,
      };
      return response;
    } catch (error) {
      const why = signal.aborted ? "did not answer in time" : `could not be asked (${causeOf(error)})`;
      this.#outcome = { answered: false, text: `${url.host} ${why}` };
      throw new Error(this.#outcome.text);
    }
  };

  /**
   * Says what failed, for when a library rejected.
   *
   * @param reason What was wrong with an answer of status 2xx, or with what was to be sent; without secrets.
   */
  fault(what: string, reason: string): Error {
    const outcome = this.#outcome;
    if (outcome === undefined) return new Error(`${what}: ${reason}`);
    return new Error(`${what}: ${outcome.text}${outcome.answered ? `: ${reason}` : ""}`);
  }
}

function send(url: URL, init: IssuerRequest, options: RequestOptions): Promise<Response> {
  const headers = new Headers(init.headers);
  const body = init.body === undefined || init.body === null ? undefined : String(init.body);
  if (init.body instanceof URLSearchParams && !headers.has("content-type")) {
    headers.set("content-type", "application/x-www-form-urlencoded;charset=UTF-8");
  }
  if (body !== undefined) headers.set("content-length", String(Buffer.byteLength(body)));
  return new Promise((resolve, reject) => {
    const start = url.protocol === "https:" ? requestHttps : requestHttp;
    const request = start(url, { ...options, method: init.method ?? "GET", headers: Object.fromEntries(headers) });
    request.on("error", reject);
    request.on("response", (message) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      message.on("error", reject);
      message.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > ANSWER_BYTES_MAX) message.destroy(Object.assign(new Error(), { code: "ANSWER_TOO_LONG" }));
      });
      message.on("end", () => {
        const status = message.statusCode ?? 0;
        const answerHeaders = new Headers();
        for (const [name, values = []] of Object.entries(message.headersDistinct)) {
          for (const value of values) answerHeaders.append(name, value);
        }
        const text = BODILESS.has(status) ? null : Buffer.concat(chunks).toString();
        try {
          resolve(new Response(text, { status, headers: answerHeaders }));
        } catch (error) {
          reject(error); // A status that there is not.
        }
      });
    });
    request.end(body);
  });
}

/** The error's code in an answer, as OAuth 2.0, Google's APIs and Microsoft Entra ID tell it. */
async function codeOf(response: Response): Promise<string> {
  if (response.ok) return "";
  try {
    const body: unknown = await response.clone().json();
    const { error, error_codes: numbers } = (body ?? {}) as { error?: unknown; error_codes?: unknown };
    const code = typeof error === "string" ? error : (error as { status?: unknown } | undefined)?.status;
    // https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
    const number: unknown = Array.isArray(numbers) ? numbers[0] : undefined;
    return `${typeof code === "string" && ERROR_CODE.test(code) ? ` ${code}` : ""}${Number.isSafeInteger(number) ? ` AADSTS${number}` : ""}`;
  } catch {
    return ""; // No JSON: the status has to do.
  }
}

/** The code of a network error; its message may name more than the host. */
function causeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "error";
}
