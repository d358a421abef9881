// An MCP server of the protocol's v2 SDK. usage: mcp.mjs modern | sessions | stdio
//   modern    over HTTP, revision 2026-07-28 and no older one
//   sessions  over HTTP, the revisions with sessions; a session that it does not know is 404
//   stdio     for a gateway around it; one process is one session
// Tools: echo, pid, recall and remember (one note a session), slow (until it is cancelled or the time is over), grow (adds the
// tool `grown` to those of its session, or of all where there are none). Over HTTP `GET /seen` says what has happened.
import {createMcpExpressApp} from '@modelcontextprotocol/express';
import {NodeStreamableHTTPServerTransport, toNodeHandler} from '@modelcontextprotocol/node';
import {McpServer, createMcpHandler} from '@modelcontextprotocol/server';
import {StdioServerTransport} from '@modelcontextprotocol/server/stdio';
import {randomUUID} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';
import {z} from 'zod';

const mode = process.argv[2];
const seen = {calls: [], cancelled: 0, finished: 0, opened: 0, ended: 0, listening: 0, requests: []};
const grownForAll = {yes: false, announce: () => {}};
const text = value => ({content: [{type: 'text', text: value}]});

function makeServer() {
  const server = new McpServer({name: 'troupe-test', version: '1.0.0'}, {capabilities: {tools: {listChanged: true}}});
  const tool = (name, shape, answer) => server.registerTool(name, {description: `The tool ${name}.`, inputSchema: z.object(shape)},
    (given, context) => { seen.calls.push(name); return answer(given, context); });
  const addGrown = () => tool('grown', {}, () => text('grown at run time'));
  let note = 'nothing';

  tool('echo', {text: z.string()}, given => text(`echo: ${given.text}`));
  tool('pid', {}, () => text(`pid ${process.pid}`));
  tool('remember', {text: z.string()}, given => { note = given.text; return text('noted'); });
  tool('recall', {}, () => text(`noted was ${note}`));
  tool('slow', {ms: z.number()}, async (given, context) => {
    await sleep(given.ms, undefined, {signal: context.mcpReq.signal}).catch(() => {});
    seen[context.mcpReq.signal.aborted ? 'cancelled' : 'finished']++;
    return text('slowly done');
  });
  tool('grow', {}, () => {
    if (mode === 'modern') { grownForAll.yes = true; grownForAll.announce(); }
    else addGrown();
    return text('has grown');
  });
  if (grownForAll.yes) addGrown();
  return server;
}

/// What of a request the tests ask about.
function note(request) {
  const {'mcp-session-id': session, 'mcp-protocol-version': revision} = request.headers;
  seen.requests.push({method: request.method, rpc: request.body?.method, session, revision, id: request.body?.id});
}

function serveModern(app) {
  const handler = createMcpHandler(makeServer, {legacy: 'reject'});
  grownForAll.announce = () => handler.notify.toolsChanged();
  const answer = toNodeHandler(handler);
  app.all('/mcp', (request, response) => {
    note(request);
    if (request.body?.method === 'subscriptions/listen') {
      seen.listening++;
      response.on('close', () => seen.listening--);
    }
    return answer(request, response, request.body);
  });
}

function serveSessions(app) {
  const transports = new Map();
  app.all('/mcp', async (request, response) => {
    note(request);
    const id = request.headers['mcp-session-id'];
    if (id && !transports.has(id))
      return response.status(404).json({jsonrpc: '2.0', id: null, error: {code: -32001, message: 'Session not found'}});
    if (request.method === 'GET') {
      seen.listening++;
      response.on('close', () => seen.listening--);
    }
    let transport = transports.get(id);
    if (!transport) {
      transport = new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: given => { seen.opened++; transports.set(given, transport); },
        onsessionclosed: given => { seen.ended++; transports.delete(given); }});
      await makeServer().connect(transport);
    }
    await transport.handleRequest(request, response, request.body);
  });
}

if (mode === 'stdio') {
  await makeServer().connect(new StdioServerTransport());
} else {
  const app = createMcpExpressApp();
  app.get('/seen', (request, response) => response.json(seen));
  ({modern: serveModern, sessions: serveSessions})[mode](app);
  app.listen(0);
}
