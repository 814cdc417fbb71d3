"""Uses a gateway through the official OpenAI client for Python and prints what it saw as one JSON object."""

import json
import sys

import openai

SIMULATE = "x-simulate"
HELLO = [{"role": "user", "content": "hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}

client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="sk-caller", max_retries=0)


def unary():
    completion = client.chat.completions.create(model="gpt-4o", messages=HELLO)
    return [completion.choices[0].message.content, completion.usage.total_tokens]


def streamed():
    stream = client.chat.completions.create(
        model="gpt-4o", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    said, tokens = "", 0
    for chunk in stream:
        said += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        tokens += chunk.usage.total_tokens if chunk.usage else 0
    return [said, tokens]


def tools():
    completion = client.chat.completions.create(
        model="gpt-4o", messages=HELLO, tools=[WEATHER], tool_choice="required"
    )
    call = completion.choices[0].message.tool_calls[0]
    return [completion.choices[0].finish_reason, call.function.name, json.loads(call.function.arguments)]


def embeddings():
    answer = client.embeddings.create(model="gpt-e", input=["a", "b"], dimensions=16)
    return [len(answer.data), len(answer.data[0].embedding)]


def responses():
    with client.responses.stream(model="gpt-4o", input="hello") as stream:
        for _ in stream:
            pass
        response = stream.get_final_response()
    return [response.output_text, response.usage.output_tokens]


def models():
    return "simulated" in [model.id for model in client.models.list()]


def failing(wish, model="gpt-4o"):
    def call():
        try:
            client.chat.completions.create(model=model, messages=HELLO, extra_headers={SIMULATE: wish})
        except openai.APIError as error:
            return [type(error).__name__, getattr(error, "status_code", None)]
        return "no error"

    return call


def broken(wish):
    def call():
        stream = client.chat.completions.create(
            model="gpt-4o", messages=HELLO, stream=True, extra_headers={SIMULATE: wish}
        )
        try:
            for _ in stream:
                pass
        except openai.APIError:
            return "raised"
        return "no error"

    return call


def aborted():
    headers = {SIMULATE: "fault=hang-mid-stream", "x-request-id": "python-abort"}
    stream = client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True, extra_headers=headers)
    next(iter(stream))
    stream.close()
    return "closed"


CHECKS = {
    "unary": unary,
    "streamed": streamed,
    "tools": tools,
    "embeddings": embeddings,
    "responses": responses,
    "models": models,
    "rate limit": failing("status=429"),
    "unauthorized": failing("status=401"),
    "unknown model": failing("status=200", model="unheard-of"),
    "unreachable": failing("fault=reset-before-headers"),
    "not JSON": failing("fault=html"),
    "reset stream": broken("fault=reset-mid-stream"),
    "unfinished stream": broken("fault=unfinished-stream"),
    "in-band error": broken("fault=in-band-error"),
    "aborted": aborted,
}

print(json.dumps({name: check() for name, check in CHECKS.items()}))
