#!/bin/sh
# @portkey-ai/gateway 1.15.2 with @hono/node-server 1.19.19 (asked for: ^1.3.3), node 20.20.2.
#
# The gateway answers every request that asks for a stream with 500, while its provider answers 200 and streams; what is
# not streamed works. It hands on `new Response(body, answer_of_fetch)` and appends to the headers of that. By the Fetch
# standard a Response made so has headers of its own; @hono/node-server puts a Response of its own in the place of the
# global one, which from 1.14.2 to 2.0.x gives out the headers that it was made with, and those of an answer of `fetch`
# are immutable. With 1.14.1, or 2.1.0 and newer, the same gateway streams.
#
# Seen:
#   whole: 200
#   streamed: 500 {"status":"failure","message":"Something went wrong"}
#   why: TypeError: immutable
#   streamed with @hono/node-server 1.14.1: 200
. "$(dirname "$0")/common.sh"

cat >provider.mjs <<'END'
import http from 'node:http';
http.createServer((request, response) => {
  let body = '';
  request.on('data', part => body += part).on('end', () => {
    const message = {role: 'assistant', content: 'Hello.'};
    const answer = {id: 'c', created: 1, model: 'm', usage: {prompt_tokens: 1, completion_tokens: 1, total_tokens: 2}};
    if (!JSON.parse(body).stream)
      return response.setHeader('content-type', 'application/json').end(JSON.stringify(
        {...answer, object: 'chat.completion', choices: [{index: 0, message, finish_reason: 'stop'}]}));
    response.setHeader('content-type', 'text/event-stream').end(`data: ${JSON.stringify({...answer,
      object: 'chat.completion.chunk', choices: [{index: 0, delta: message, finish_reason: 'stop'}]})}\n\ndata: [DONE]\n\n`);
  });
}).listen(0);
END

# ask <stream>: the gateway's status and the body of its answer.
ask() {
  curl -s -o answer -w '%{http_code}' "http://127.0.0.1:$gateway/v1/chat/completions" --json \
    "{\"model\": \"m\", \"stream\": $1, \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}" \
    -H 'Authorization: Bearer key' -H 'x-portkey-provider: openai' -H "x-portkey-custom-host: http://127.0.0.1:$provider/v1"
}

install @portkey-ai/gateway@1.15.2 @hono/node-server@1.19.19
serve provider.mjs
provider=$port
serve node_modules/@portkey-ai/gateway/build/start-server.js --headless
gateway=$port
expect whole "$(ask false)" 200
status=$(ask true)
expect streamed "$status $(cat answer)" '500 {"status":"failure","message":"Something went wrong"}'
expect why "$(grep -o 'TypeError: immutable' "$log" | head -n 1)" 'TypeError: immutable'

install @portkey-ai/gateway@1.15.2 @hono/node-server@1.14.1 @hono/node-ws@1.2.0
serve node_modules/@portkey-ai/gateway/build/start-server.js --headless
gateway=$port
expect 'streamed with @hono/node-server 1.14.1' "$(ask true)" 200
exit $changed
