// A real Chromium, and a server of empty pages for it to show. Argument: the browser's path.
//
//   POST /run {"url", "script", "arguments", "blank"?}
//     opens the URL in a context of its own, calls the function that the file `script` holds with `arguments`, and
//     answers {"value": …} or {"error": …}. With `blank` the URL itself is never asked for: an empty page stands in
//     its place, as that of a name that pointed elsewhere a moment ago.
//   anything else
//     an empty page, whatever the name it was asked for under.
//
// Names under .test are this machine, all others but localhost are unknown, so nothing leaves it. The browser is spoken
// to over a pipe, in the DevTools protocol.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';

const emptyPage = '<!doctype html><html><head><title>A page</title></head><body></body></html>';
const limit = 200_000;

const chromium = spawn(process.argv[2], [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--no-proxy-server',
  '--disable-background-networking', '--disable-component-update', '--disable-breakpad', '--disable-sync',
  '--ignore-certificate-errors',
  // The browser's own protection of local servers, which not every browser has, is not what is tested.
  '--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets,HttpsUpgrades',
  '--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
  // Of the folder that goes with the test.
  `--user-data-dir=${process.cwd()}/profile`, '--remote-debugging-pipe', 'about:blank',
], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
chromium.on('exit', () => process.exit(1));

let lastId = 0;
const answers = new Map();
const listeners = new Set();

function send(method, params = {}, sessionId = undefined) {
  const id = ++lastId;
  chromium.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + '\0');
  return new Promise((resolve, reject) => answers.set(id, { resolve, reject }));
}

function take(message) {
  for (const listener of listeners) listener(message);
  const waiting = answers.get(message.id);
  answers.delete(message.id);
  if (waiting) message.error ? waiting.reject(new Error(message.error.message)) : waiting.resolve(message.result);
}

let received = Buffer.alloc(0);
chromium.stdio[4].on('data', (part) => {
  received = Buffer.concat([received, part]);
  for (let end = received.indexOf(0); end >= 0; end = received.indexOf(0)) {
    const message = JSON.parse(received.subarray(0, end).toString());
    received = received.subarray(end + 1);
    take(message);
  }
});

/** The first event of this name in a session. */
function event(sessionId, method) {
  return new Promise((resolve) => {
    const listener = (message) => {
      if (message.sessionId !== sessionId || message.method !== method) return;
      listeners.delete(listener);
      resolve(message.params);
    };
    listeners.add(listener);
  });
}

async function run({ url, script, arguments: given, blank }) {
  const { browserContextId } = await send('Target.createBrowserContext');
  try {
    const { targetId } = await send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
    await send('Page.enable', {}, sessionId);
    const loaded = event(sessionId, 'Page.loadEventFired');
    if (blank) {
      await send('Fetch.enable', { patterns: [{ urlPattern: url, resourceType: 'Document' }] }, sessionId);
      event(sessionId, 'Fetch.requestPaused').then(({ requestId }) => send('Fetch.fulfillRequest', {
        requestId, responseCode: 200, responseHeaders: [{ name: 'Content-Type', value: 'text/html' }],
        body: Buffer.from(emptyPage).toString('base64'),
      }, sessionId));
    }
    const { errorText } = await send('Page.navigate', { url }, sessionId);
    if (errorText) return { error: `${url} does not open: ${errorText}` };
    await loaded;
    if (blank) await send('Fetch.disable', {}, sessionId);
    const { result, exceptionDetails } = await send('Runtime.evaluate', {
      expression: `(${readFileSync(new URL(script, import.meta.url))})(${JSON.stringify(given)})`,
      awaitPromise: true, returnByValue: true,
    }, sessionId);
    return exceptionDetails ? { error: exceptionDetails.exception?.description ?? exceptionDetails.text }
                            : { value: result.value };
  } finally {
    await send('Target.disposeBrowserContext', { browserContextId });
  }
}

function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('it takes too long')), limit); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

http.createServer((request, response) => {
  if (request.method !== 'POST' || request.url !== '/run') {
    response.writeHead(200, { 'Content-Type': 'text/html' }).end(emptyPage);
    return;
  }
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', async () => {
    const result = await inTime(run(JSON.parse(body))).catch((error) => ({ error: String(error) }));
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(result));
  });
}).listen();
