// What a page can try at a server of another origin. Returns what it could read, and by which way, and how much it has
// tried. Whether it has changed anything is for the server's owner to see.
async ({ api, task, secret }) => {
  const read = [];
  let tried = 0;
  const seconds = (n) => new Promise((resolve) => setTimeout(resolve, n * 1000));
  // A way that neither succeeds nor fails has not succeeded.
  const attempt = async (name, way) => {
    ++tried;
    try {
      const found = await Promise.race([way(), seconds(3)]);
      // That it came to the wrong server is all that a rebound page may read.
      if (found && !String(found).includes('misdirected_request')) read.push(`${name}: ${String(found).slice(0, 100)}`);
    } catch { /* refused, as it should be */ }
  };
  const at = (path) => api + path;
  const taskAt = (path = '') => at(`/api/v1/tasks/${task}${path}`);
  const webSocket = (path) => api.replace(/^http/, 'ws') + path;

  const reads = ['/healthz', '/readyz', '/metrics', '/openapi.json', '/api/v1/tasks', `/api/v1/tasks/${task}`,
    `/api/v1/tasks/${task}/messages`, `/api/v1/tasks/${task}/events`, `/api/v1/tasks/${task}/attempts`,
    `/api/v1/threads/${task}/messages`, '/api/v1/bots', '/api/v1/bots/default', '/api/v1/models', '/api/v1/queue',
    '/api/v1/nodes', '/api/v1/usage?group_by=model', '/api/v1/approvals'];
  const created = JSON.stringify({ input: 'from a page', execute: true });
  const bot = JSON.stringify({ model: 'builtin', system_prompt: 'from a page' });
  const model = JSON.stringify({ kind: 'openai', model: 'm', base_url: 'https://other.test/v1', api_key_file: '/etc/hostname' });
  const changes = [
    ['POST', '/api/v1/tasks', created], ['POST', `/api/v1/tasks/${task}/cancel`, ''],
    ['POST', `/api/v1/tasks/${task}/retry`, ''], ['POST', `/api/v1/tasks/${task}/execute`, ''],
    ['PATCH', `/api/v1/tasks/${task}/status`, '{"status":"CANCELLED"}'], ['DELETE', `/api/v1/tasks/${task}`, ''],
    ['PUT', '/api/v1/bots/default', bot], ['PUT', '/api/v1/bots/another', bot], ['DELETE', '/api/v1/bots/default', ''],
    ['PUT', '/api/v1/models/another', model], ['DELETE', '/api/v1/models/builtin', ''],
    ['PUT', '/api/v1/namespaces/default/budget', '{"tokens":1}'], ['DELETE', '/api/v1/namespaces/default/budget', ''],
    ['POST', '/api/v1/bots/default/validate', ''], ['POST', `/api/v1/tasks/${task}/approvals/call_1`, '{"decision":"approve"}'],
  ];
  const types = ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=b', ''];
  const asType = (body, type) => (type === '' ? new Blob([body]) : body);
  const headers = (type) => (type === '' ? {} : { 'Content-Type': type });

  // -- scripts' own requests ---------------------------------------------------------
  for (const mode of ['cors', 'no-cors', 'same-origin']) {
    for (const path of reads)
      await attempt(`fetch ${mode} GET ${path}`, async () => {
        const answer = await fetch(at(path), { mode });
        return answer.type === 'opaque' ? '' : answer.status + ' ' + await answer.text();
      });
    for (const [method, path, body] of changes)
      for (const type of types)
        await attempt(`fetch ${mode} ${method} ${path} as ${type}`, async () => {
          const answer = await fetch(at(path), {
            method, mode, headers: headers(type), body: body === '' && type === '' ? undefined : asType(body, type),
          });
          return answer.type === 'opaque' ? '' : answer.status + ' ' + await answer.text();
        });
  }
  for (const credentials of ['include', 'omit'])
    await attempt(`fetch with credentials ${credentials}`, async () => (await fetch(taskAt(), { credentials })).text());
  await attempt('fetch kept alive', async () => {
    await fetch(taskAt('/cancel'), { method: 'POST', mode: 'no-cors', keepalive: true });
  });
  await attempt('fetch with a field of its own', async () => (await fetch(taskAt(), { headers: { 'X-Own': '1' } })).text());
  await attempt('fetch without a referrer', async () => {
    await fetch(taskAt('/cancel'), { method: 'POST', mode: 'no-cors', referrerPolicy: 'no-referrer' });
  });
  for (const [method, path, body] of [['GET', `/api/v1/tasks/${task}`, null], ...changes])
    await attempt(`XMLHttpRequest ${method} ${path}`, () => new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open(method, at(path));
      request.onload = () => resolve(request.status + ' ' + request.responseText);
      request.onerror = reject;
      request.send(body);
    }));
  await attempt('a worker', () => new Promise((resolve, reject) => {
    const code = `fetch('${taskAt('/cancel')}', {method: 'POST', mode: 'no-cors'}).catch(() => 0)
      .then(() => fetch('${taskAt()}')).then(a => a.text()).then(t => postMessage(t), () => postMessage(''))`;
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = reject;
  }));

  // -- beacons, pings of links ---------------------------------------------------------
  for (const body of [undefined, created, new Blob([created], { type: 'text/plain' }), new Blob([created]),
    new Blob([created], { type: 'application/json' }), new URLSearchParams({ input: 'x' }), new FormData()])
    for (const path of ['/api/v1/tasks', `/api/v1/tasks/${task}/cancel`])
      await attempt(`beacon ${path}`, async () => { navigator.sendBeacon(at(path), body); });
  await attempt('the ping of a link', async () => {
    const link = document.createElement('a');
    link.href = '#here';
    link.ping = taskAt('/cancel');
    document.body.append(link);
    link.click();
  });

  // -- forms ------------------------------------------------------------------------------
  const submit = (method, enctype, path, fields, policy) => new Promise((resolve) => {
    const frame = document.createElement('iframe');
    frame.name = `frame${tried}`;
    document.body.append(frame);
    const form = document.createElement('form');
    Object.assign(form, { method, enctype, action: at(path), target: frame.name });
    if (policy) form.rel = policy;
    for (const [name, value] of fields) {
      const input = document.createElement('input');
      Object.assign(input, { type: 'hidden', name, value });
      form.append(input);
    }
    document.body.append(form);
    frame.onload = () => {
      let text = '';
      try { text = frame.contentWindow.location.href === 'about:blank' ? '' : frame.contentDocument.body.innerText; } catch { /* another origin's */ }
      resolve(text);
    };
    form.submit();
    setTimeout(() => resolve(''), 500);
  });
  // As text/plain, the name, "=" and the value together are JSON.
  const smuggled = [['{"input":"from a form","execute":true,"metadata":{"a":"', '"}}']];
  for (const policy of ['', 'noreferrer'])
    for (const enctype of ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'])
      for (const [path, fields] of [['/api/v1/tasks', smuggled], [`/api/v1/tasks/${task}/cancel`, []],
        [`/api/v1/tasks/${task}/execute`, []], [`/api/v1/tasks/${task}/retry`, []]])
        await attempt(`form ${enctype} ${path}`, () => submit('post', enctype, path, fields, policy));
  await attempt('form by GET', () => submit('get', '', `/api/v1/tasks/${task}`, []));

  // -- streams ---------------------------------------------------------------------------
  await attempt('EventSource', () => new Promise((resolve, reject) => {
    const source = new EventSource(taskAt('/events'));
    source.onopen = () => { source.close(); resolve('open'); };
    source.onerror = () => { source.close(); reject(); };
  }));
  const frames = [{ type: 'subscribe', room: 'namespace:default' }, { type: 'history:sync' },
    { type: 'chat:send', message: 'from a page' }, { type: 'chat:cancel' }];
  const talk = (url, protocols) => new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocols);
    let heard = 'open';
    socket.onopen = () => frames.forEach((frame) => socket.send(JSON.stringify(frame)));
    socket.onmessage = ({ data }) => { heard += data; };
    socket.onerror = reject;
    socket.onclose = () => resolve(heard);
    setTimeout(() => { if (socket.readyState === 1) resolve(heard); socket.close(); }, 500);
  });
  for (const path of ['/api/v1/events', `/api/v1/tasks/${task}/chat`, `/api/v1/tasks/${task}/chat?after=0`, '/api/v1/user/notifications'])
    for (const protocols of [[], ['troupe.v1']])
      await attempt(`WebSocket ${path} ${protocols}`, () => talk(webSocket(path), protocols));

  // -- what documents load -------------------------------------------------------------------
  const load = (tag, attributes, readable) => new Promise((resolve, reject) => {
    const element = document.createElement(tag);
    Object.assign(element, attributes);
    element.onload = () => { try { resolve(readable(element)); } catch (error) { reject(error); } };
    element.onerror = reject;
    document.body.append(element);
  });
  const errors = [];
  window.onerror = (message) => { errors.push(message); };
  for (const path of [`/api/v1/tasks/${task}`, '/api/v1/tasks', '/openapi.json', '/metrics']) {
    await attempt(`script ${path}`, () => load('script', { src: at(path) }, () => errors.join().includes(secret) && 'its text'));
    await attempt(`module ${path}`, async () => JSON.stringify(await import(at(path))));
    await attempt(`img ${path}`, () => load('img', { src: at(path) }, (image) => image.naturalWidth > 0 && 'an image'));
    await attempt(`style ${path}`, () => load('link', { rel: 'stylesheet', href: at(path) }, (link) => link.sheet.cssRules.length > 0 && 'rules'));
    await attempt(`iframe ${path}`, () => load('iframe', { src: at(path) }, (frame) => frame.contentDocument?.body?.innerText));
    await attempt(`object ${path}`, () => load('object', { data: at(path) }, (object) => object.contentDocument?.body?.innerText));
  }

  // -- a page without an origin of its own ("null") ---------------------------------------------
  await attempt('a sandboxed frame', () => new Promise((resolve) => {
    const code = `(async () => {
      const found = [];
      await fetch('${taskAt('/cancel')}', {method: 'POST', mode: 'no-cors'}).catch(() => 0);
      await fetch('${at('/api/v1/tasks')}', {method: 'POST', mode: 'no-cors', body: '${created}'}).catch(() => 0);
      await fetch('${taskAt()}').then(async a => found.push(await a.text()), () => 0);
      await new Promise(done => {
        const socket = new WebSocket('${webSocket(`/api/v1/tasks/${task}/chat`)}');
        socket.onopen = () => { found.push('WebSocket open'); socket.send('{"type":"chat:cancel"}'); setTimeout(done, 300); };
        socket.onerror = done;
      });
      parent.postMessage(found.join(), '*');
    })()`;
    window.onmessage = ({ data }) => resolve(data);
    const frame = document.createElement('iframe');
    frame.sandbox = 'allow-scripts allow-forms';
    frame.srcdoc = `<!doctype html><body><script>${code}<\/script>`;
    document.body.append(frame);
  }));
  return { origin: location.origin, tried, read };
}
