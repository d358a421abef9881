// openai-api-mock answers inside the process that asks; this puts it behind a port, status, header and bytes as they are.
import {mockOpenAIResponse} from 'openai-api-mock';
import http from 'node:http';
import https from 'node:https';

mockOpenAIResponse(true, {useFixedResponses: true, seed: 7});
http.createServer((request, response) => {
  const {host, connection, ...headers} = request.headers;
  const asked = https.request('https://api.openai.com' + request.url, {method: request.method, headers}, answer => {
    response.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(response);
  });
  asked.on('error', error => response.writeHead(502).end(error.message));
  request.pipe(asked);
}).listen(0);
