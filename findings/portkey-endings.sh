#!/bin/sh
# @portkey-ai/gateway 1.15.2 in front of a provider that speaks Anthropic's protocol, node 20.20.2.
#
# How a stream ended is lost on the way to OpenAI's protocol. An `error` event in its midst becomes a finish_reason with the
# error's type, without its message, and the stream then ends with [DONE] as a whole one does: an OpenAI client that does
# not know this word takes what came before, here nothing, for the answer. `refusal` and `model_context_window_exceeded`
# become `stop`; only `max_tokens` is told (`length`).
#
# Seen:
#   error overloaded_error: "overloaded_error" [DONE]
#   end_turn: "stop" [DONE]
#   max_tokens: "length" [DONE]
#   refusal: "stop" [DONE]
#   model_context_window_exceeded: "stop" [DONE]
. "$(dirname "$0")/common.sh"

cat >provider.mjs <<'END'
import http from 'node:http';
http.createServer((request, response) => {
  let body = '';
  request.on('data', part => body += part).on('end', () => {
    const [kind, reason] = JSON.parse(body).messages.at(-1).content.split(' ');
    const say = event => response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    response.setHeader('content-type', 'text/event-stream');
    say({type: 'message_start', message: {id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [],
      stop_reason: null, stop_sequence: null, usage: {input_tokens: 5, output_tokens: 1}}});
    if (kind === 'error') {
      say({type: 'error', error: {type: reason, message: 'Overloaded'}});
      return response.end();
    }
    say({type: 'content_block_start', index: 0, content_block: {type: 'text', text: ''}});
    say({type: 'content_block_delta', index: 0, delta: {type: 'text_delta', text: 'Hello.'}});
    say({type: 'content_block_stop', index: 0});
    say({type: 'message_delta', delta: {stop_reason: reason, stop_sequence: null}, usage: {output_tokens: 2}});
    say({type: 'message_stop'});
    response.end();
  });
}).listen(0);
END

# ending <what the provider shall do>: the finish_reason of the stream, and its last word.
ending() {
  curl -sN "http://127.0.0.1:$gateway/v1/chat/completions" --json \
    "{\"model\": \"m\", \"stream\": true, \"max_tokens\": 9, \"messages\": [{\"role\": \"user\", \"content\": \"$1\"}]}" \
    -H 'Authorization: Bearer key' -H 'x-portkey-provider: anthropic' \
    -H "x-portkey-custom-host: http://127.0.0.1:$provider/v1" >answer
  echo "$(grep -o '"finish_reason":"[^"]*"' answer | cut -d: -f2) $(grep . answer | tail -n 1 | cut -c7-)"
}

# Not the newest @hono/node-server that it accepts: portkey-streams.sh.
install @portkey-ai/gateway@1.15.2 @hono/node-server@1.14.1 @hono/node-ws@1.2.0
serve provider.mjs
provider=$port
serve node_modules/@portkey-ai/gateway/build/start-server.js --headless
gateway=$port
expect 'error overloaded_error' "$(ending 'error overloaded_error')" '"overloaded_error" [DONE]'
expect end_turn "$(ending 'stop end_turn')" '"stop" [DONE]'
expect max_tokens "$(ending 'stop max_tokens')" '"length" [DONE]'
expect refusal "$(ending 'stop refusal')" '"stop" [DONE]'
expect model_context_window_exceeded "$(ending 'stop model_context_window_exceeded')" '"stop" [DONE]'
exit $changed
