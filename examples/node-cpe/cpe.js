#!/usr/bin/env node
// A small CWMP 1.0 device: sessions, a data model of a dozen parameters, Download of a script, connection requests.
// Its settings come from the environment as cpecheck's command driver gives them; what it must remember is in
// $CPECHECK_WORKDIR/state.json. SIGTERM ends it.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const path = require('path');
const soap = require('./soap.js');
const { Client, challenges, md5 } = require('./http.js');

const { Fault } = soap;
const env = (name, otherwise = '') => process.env[`CPECHECK_${name}`] ?? otherwise;
const on = (name) => env(name, '1') === '1';
const log = (...words) => console.log(new Date().toISOString(), ...words);
const iso = (date) => date.toISOString().replace(/\.\d+Z$/, 'Z');
const NEVER = '0001-01-01T00:00:00Z';
const OUI = '0200C9';
const METHODS = ['GetRPCMethods', 'SetParameterValues', 'GetParameterValues', 'GetParameterNames', 'Reboot', 'Download'];
const SCRIPT = '3 Vendor Configuration File';

// --- what the device remembers ------------------------------------------------------------------------------

const stateFile = path.join(env('WORKDIR', '.'), 'state.json');
const state = {
  bootstrapped: '', events: [], transfers: [], values: {}, parameterKey: '', path: crypto.randomBytes(9).toString('hex'),
};
if (fs.existsSync(stateFile)) Object.assign(state, JSON.parse(fs.readFileSync(stateFile)));

function save() {
  fs.writeFileSync(`${stateFile}.new`, JSON.stringify(state));
  fs.renameSync(`${stateFile}.new`, stateFile);
}

// --- the data model: name → [type, read, whether the ACS may write it] --------------------------------------

const RUNNING = { sessions: 0, retries: 0, busy: false, again: false, localAddress: '', timers: {} };
const number = (raw) => (/^\s*\+?\d{1,10}\s*$/.test(raw) && Number(raw) < 2 ** 32 ? String(Number(raw)) : undefined);
const TYPES = {
  string: (raw) => (raw.length <= 64 ? raw : undefined),
  boolean: (raw) => ({ 1: '1', true: '1', 0: '0', false: '0' })[raw.trim()],
  unsignedInt: (raw) => { const item = number(raw); return item === '0' ? undefined : item; },
};
const stored = (name, otherwise) => () => state.values[name] ?? otherwise();
const ENABLE = 'Device.ManagementServer.PeriodicInformEnable';
const INTERVAL = 'Device.ManagementServer.PeriodicInformInterval';
const MODEL = {
  'Device.RootDataModelVersion': ['string', () => '2.11'],
  'Device.DeviceInfo.Manufacturer': ['string', () => 'Example'],
  'Device.DeviceInfo.ManufacturerOUI': ['string', () => OUI],
  'Device.DeviceInfo.ProductClass': ['string', () => 'NodeCPE'],
  'Device.DeviceInfo.SerialNumber': ['string', () => 'NODE0001'],
  'Device.DeviceInfo.HardwareVersion': ['string', () => '1'],
  'Device.DeviceInfo.SoftwareVersion': ['string', () => '1.0'],
  'Device.DeviceInfo.ProvisioningCode': ['string', stored('Device.DeviceInfo.ProvisioningCode', () => ''), true],
  'Device.ManagementServer.URL': ['string', () => env('ACS_URL')],
  'Device.ManagementServer.Username': ['string', () => env('ACS_USERNAME')],
  'Device.ManagementServer.Password': ['string', () => ''],
  [ENABLE]: ['boolean', stored(ENABLE, () => env('PERIODIC_INFORM_ACTIVE', '1')), true],
  [INTERVAL]: ['unsignedInt', stored(INTERVAL, () => env('PERIODIC_INFORM_INTERVAL', '1200')), true],
  'Device.ManagementServer.ParameterKey': ['string', () => state.parameterKey],
  'Device.ManagementServer.ConnectionRequestURL': ['string', connectionRequestUrl],
  'Device.ManagementServer.ConnectionRequestUsername': ['string', () => env('CONNECTION_REQUEST_USERNAME')],
  'Device.ManagementServer.ConnectionRequestPassword': ['string', () => ''],
};
const FORCED = [
  'Device.RootDataModelVersion', 'Device.DeviceInfo.HardwareVersion', 'Device.DeviceInfo.SoftwareVersion',
  'Device.DeviceInfo.ProvisioningCode', 'Device.ManagementServer.ParameterKey', 'Device.ManagementServer.ConnectionRequestURL',
];
const get = (name) => MODEL[name][1]();
const shown = (name) => soap.typed(name, MODEL[name][0], get(name));

// The canonical settings that the harness has set now override what the ACS set before.
for (const [key, name] of [['periodic_inform_active', ENABLE], ['periodic_inform_interval', INTERVAL]]) {
  if (env('CHANGED').split(' ').includes(key)) delete state.values[name];
}

function connectionRequestUrl() {
  const six = /^https?:\/\/\[/.test(env('ACS_URL'));
  const own = six ? env('WAN_IPV6', '::1') : env('SOURCE_IPV4') || RUNNING.localAddress || env('WAN_IPV4', '127.0.0.1');
  const host = own.includes(':') ? `[${own}]` : own;
  return Number(env('PORT', '7547')) ? `http://${host}:${env('PORT', '7547')}/${state.path}` : '';
}

// --- RPCs of the ACS: each returns the body of its response, or throws a Fault --------------------------------

function need(call, name) {
  const found = soap.value(call, name);
  if (found === undefined) throw new Fault(9003, `${name} is missing`);
  return found;
}

function flag(call, name) {
  const found = TYPES.boolean(need(call, name));
  if (found === undefined) throw new Fault(9003, `${name} is not a boolean`);
  return found === '1';
}

function list(call, name) {
  const found = soap.child(call, name);
  if (!found) throw new Fault(9003, `${name} is missing`);
  return found.children;
}

// Parameters below a path that ends with a dot (the empty path is the whole model), or the one of that name.
function below(name) {
  const found = Object.keys(MODEL).filter((item) => (name === '' || name.endsWith('.') ? item.startsWith(name) : item === name));
  if (!found.length) throw new Fault(9005, `no such parameter: ${name}`);
  return found;
}

const CALLS = {
  GetRPCMethods: () => soap.array('MethodList', 'xsd:string', METHODS.map((name) => soap.element('string', name))),

  GetParameterValues(call) {
    const names = new Set(list(call, 'ParameterNames').flatMap((item) => below(item.text)));
    return soap.array('ParameterList', 'cwmp:ParameterValueStruct', [...names].map(shown));
  },

  GetParameterNames(call) {
    const top = need(call, 'ParameterPath');
    const next = flag(call, 'NextLevel');
    if (next && top !== '' && !top.endsWith('.')) throw new Fault(9003, 'NextLevel asks for a partial path');
    const paths = new Set();
    for (const name of below(top)) {
      const parts = name.split('.');
      parts.forEach((_, at) => paths.add(parts.slice(0, at + 1).join('.') + (at < parts.length - 1 ? '.' : '')));
    }
    const depth = (name) => name.replace(/\.$/, '').split('.').length;
    const level = top === '' ? 1 : depth(top) + 1;
    const chosen = [...paths].filter((name) => name.startsWith(top) && (!next || depth(name) === level));
    return soap.array('ParameterList', 'cwmp:ParameterInfoStruct', chosen.map((name) => soap.element('ParameterInfoStruct',
      soap.fields({ Name: name, Writable: MODEL[name] && MODEL[name][2] ? 1 : 0 }))));
  },

  SetParameterValues(call) {
    const wanted = list(call, 'ParameterList').map((item) => [need(item, 'Name'), need(item, 'Value')]);
    const key = need(call, 'ParameterKey');
    if (new Set(wanted.map(([name]) => name)).size < wanted.length) throw new Fault(9003, 'a parameter is given twice');
    if (key.length > 32) throw new Fault(9003, 'ParameterKey is longer than 32 characters');
    const values = {};
    const bad = [];
    for (const [name, raw] of wanted) {
      const known = Object.hasOwn(MODEL, name);
      const plain = known && TYPES[MODEL[name][0]](raw);
      const [code, why] = !known ? [9005, 'no such parameter'] : !MODEL[name][2] ? [9008, 'not writable'] : [9007, 'not a value of it'];
      if (!known || !MODEL[name][2] || plain === undefined) bad.push({ ParameterName: name, FaultCode: code, FaultString: why });
      else values[name] = plain;
    }
    if (bad.length) throw new Fault(9003, 'nothing was set', bad);
    Object.assign(state.values, values);
    state.parameterKey = key;
    save();
    return soap.fields({ Status: 0 });
  },

  Reboot(call, session) {
    session.reboot.push(need(call, 'CommandKey'));
    return '';
  },

  Download(call) {
    const order = Object.fromEntries(['CommandKey', 'FileType', 'URL', 'Username', 'Password', 'FileSize', 'DelaySeconds']
      .map((name) => [name, need(call, name)]));
    if (!on('ALLOW_FILE_TRANSMISSION')) throw new Fault(9001, 'file transmission is not allowed');
    if (order.FileType !== SCRIPT) throw new Fault(9003, 'no such file type');
    if (number(order.DelaySeconds) === undefined || number(order.FileSize) === undefined) throw new Fault(9003, 'not a number');
    if (!URL.canParse(order.URL)) throw new Fault(9003, 'not a URL');
    if (!['http:', 'https:'].includes(new URL(order.URL).protocol)) throw new Fault(9013, 'only http and https');
    if (new URL(order.URL).username) throw new Fault(9003, 'credentials belong in Username and Password');
    if (state.transfers.length >= 16) throw new Fault(9004, 'too many transfers');
    state.transfers.push({ ...order, due: Date.now() + 1000 * Number(order.DelaySeconds), result: null });
    save();
    return soap.fields({ Status: 1, StartTime: NEVER, CompleteTime: NEVER });
  },
};

function answer(message, session) {
  if (!message.understood) return soap.notUnderstood;
  try {
    const { name, ns } = message.body;
    if (!ns.startsWith('urn:dslforum-org:cwmp-') || !Object.hasOwn(CALLS, name)) throw new Fault(9000, `no method ${name}`);
    return soap.element(`cwmp:${name}Response`, CALLS[name](message.body, session));
  } catch (error) {
    return soap.faultBody(error instanceof Fault ? error : new Fault(9002, 'internal error'));
  }
}

// --- a session ------------------------------------------------------------------------------------------------

const done = () => state.transfers.filter((transfer) => transfer.result);
const event = (code, key = '') => ({ code, key });

function inform(events) {
  const identity = { Manufacturer: 'Manufacturer', OUI: 'ManufacturerOUI', ProductClass: 'ProductClass', SerialNumber: 'SerialNumber' };
  const device = Object.fromEntries(Object.entries(identity).map(([field, name]) => [field, get(`Device.DeviceInfo.${name}`)]));
  return soap.element('cwmp:Inform', soap.element('DeviceId', soap.fields(device))
    + soap.array('Event', 'cwmp:EventStruct', events.map((item) => soap.element('EventStruct',
      soap.fields({ EventCode: item.code, CommandKey: item.key }))))
    + soap.fields({ MaxEnvelopes: 1, CurrentTime: iso(new Date()), RetryCount: RUNNING.retries })
    + soap.array('ParameterList', 'cwmp:ParameterValueStruct', FORCED.map(shown)));
}

const transferComplete = (transfer) => soap.element('cwmp:TransferComplete', soap.fields({ CommandKey: transfer.CommandKey })
  + soap.element('FaultStruct', soap.fields({ FaultCode: transfer.result.code, FaultString: transfer.result.text }))
  + soap.fields({ StartTime: transfer.result.start, CompleteTime: transfer.result.complete }));

async function post(client, body, id) {
  const headers = body ? { 'Content-Type': 'text/xml; charset=utf-8', SOAPAction: '' } : {};
  const reply = await client.request('POST', headers, body && soap.envelope(id, body));
  RUNNING.localAddress = client.localAddress.replace(/^::ffff:/, '') || RUNNING.localAddress;
  if (![200, 204].includes(reply.status)) throw new Error(`the ACS answered ${reply.status}`);
  return reply.body.length ? soap.read(new TextDecoder('utf-8', { fatal: true }).decode(reply.body)) : null;
}

// A request of ours until it has its response; fault 8005 asks for it once more.
async function ask(client, body, response) {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    RUNNING.sessions += 1;
    const id = String(RUNNING.sessions);
    const reply = await post(client, body, id);
    if (!reply || (reply.id !== undefined && reply.id !== id)) throw new Error(`no ${response}`);
    if (reply.body.name === response) return reply;
    const cwmp = reply.body.name === 'Fault' && soap.child(reply.body, 'detail') && soap.child(soap.child(reply.body, 'detail'), 'Fault');
    if (!cwmp || soap.value(cwmp, 'FaultCode') !== '8005') throw new Error(`the ACS answered ${reply.body.name}`);
  }
  throw new Error('the ACS asks for ever');
}

async function talk(client, events, session) {
  let reply = await ask(client, inform(events), 'InformResponse');
  state.bootstrapped = env('ACS_URL');
  state.reportedUrl = connectionRequestUrl();
  state.events = state.events.filter((item) => !events.includes(item));
  RUNNING.retries = 0;
  save();
  let { hold } = reply;
  let bare = false; // whether an empty POST was sent with no hold on us
  const report = done();
  reply = null;
  for (;;) {
    if (reply) {
      reply = await post(client, answer(reply, session), reply.id);
    } else if (report.length && !hold && !bare) {
      const acknowledged = await ask(client, transferComplete(report[0]), 'TransferCompleteResponse');
      state.transfers.splice(state.transfers.indexOf(report.shift()), 1);
      save();
      hold = acknowledged.hold;
      continue;
    } else {
      bare = !hold;
      reply = await post(client, '', undefined);
    }
    if (!reply && bare) return;
    hold = Boolean(reply && reply.hold);
  }
}

async function session() {
  clearTimeout(RUNNING.timers.retry);
  if (RUNNING.busy) { RUNNING.again = true; return; }
  RUNNING.busy = true;
  const current = { reboot: [] };
  const events = [...state.events];
  if (done().length) events.push(event('7 TRANSFER COMPLETE'), ...done().map((transfer) => event('M Download', transfer.CommandKey)));
  let client;
  try {
    if (env('SOURCE_ADDRESS') && !env('SOURCE_IPV4')) throw new Error(`no address for ${env('SOURCE_ADDRESS')}`);
    client = new Client(env('ACS_URL'), {
      rootCa: rootCa(), source: env('SOURCE_IPV4'), user: env('ACS_USERNAME'), password: env('ACS_PASSWORD'),
    });
    log('session:', events.map((item) => item.code).join(', '));
    await talk(client, events, current);
    log('session complete');
  } catch (error) {
    log('session failed:', error.message);
    retry();
  }
  if (client) client.close();
  state.events = state.events.filter((item) => item.code !== '6 CONNECTION REQUEST' || !events.includes(item));
  current.reboot.forEach((key) => state.events.push(event('M Reboot', key)));
  save();
  RUNNING.busy = false;
  arm();
  if (current.reboot.length) boot();
  else if ((RUNNING.again && state.events.length) || (done().length && !RUNNING.retries)) { RUNNING.again = false; setImmediate(session); }
  else RUNNING.again = false;
}

function retry() {
  RUNNING.retries += 1;
  const low = 5000 * 2 ** Math.min(RUNNING.retries - 1, 9);
  clearTimeout(RUNNING.timers.retry);
  RUNNING.timers.retry = setTimeout(session, low * (1 + Math.random()));
}

// --- timers and transfers -------------------------------------------------------------------------------------

const rootCa = () => (env('ROOT_CA') ? fs.readFileSync(env('ROOT_CA')) : undefined);

function happen(code) {
  if (!state.events.some((item) => item.code === code)) state.events.push(event(code));
  save();
  session();
}

// The periodic interval begins when a session has ended.
function arm() {
  clearTimeout(RUNNING.timers.periodic);
  if (get(ENABLE) === '1' && Number(get(INTERVAL)) > 0) RUNNING.timers.periodic = setTimeout(() => happen('2 PERIODIC'), Math.min(1000 * Number(get(INTERVAL)), 2 ** 31 - 1));
  for (const transfer of state.transfers.filter((item) => !item.result && !item.started)) {
    Object.defineProperty(transfer, 'started', { value: true }); // not kept over a restart
    setTimeout(() => fetch(transfer), Math.max(0, transfer.due - Date.now()));
  }
}

function run(script) {
  const lines = script.split('\n').map((line) => line.trim()).filter((line) => line && !line.startsWith('#'));
  const orders = lines.map((line) => /^set (\S+) (.*)$/.exec(line));
  if (orders.some((order) => !order || !Object.hasOwn(MODEL, order[1]) || !MODEL[order[1]][2])) throw new Fault(9018, 'not a script');
  const values = orders.map(([, name, raw]) => [name, TYPES[MODEL[name][0]](raw)]);
  if (values.some(([, plain]) => plain === undefined)) throw new Fault(9018, 'a value that its parameter cannot have');
  Object.assign(state.values, Object.fromEntries(values));
}

async function fetch(transfer) {
  const start = new Date();
  const result = { code: 0, text: '' };
  const client = new Client(transfer.URL, {
    rootCa: rootCa(), source: env('SOURCE_IPV4'), user: transfer.Username, password: transfer.Password,
  });
  try {
    // The switch may have been turned since the order came.
    if (!on('ALLOW_FILE_TRANSMISSION')) throw new Fault(9001, 'file transmission is not allowed');
    const reply = await client.request('GET').catch((error) => { throw new Fault(9015, error.message); });
    if (reply.status === 401) throw new Fault(9012, 'the file server wants other credentials');
    if (reply.status !== 200) throw new Fault(9016, `the file server answered ${reply.status}`);
    if (Number(transfer.FileSize) && reply.body.length !== Number(transfer.FileSize)) throw new Fault(9017, 'not of the size announced');
    run(reply.body.toString());
  } catch (error) {
    Object.assign(result, { code: error.code > 9000 ? error.code : 9010, text: error.message });
  }
  client.close();
  transfer.result = { ...result, start: iso(start), complete: iso(new Date()) };
  save();
  session();
}

// --- connection requests ----------------------------------------------------------------------------------------

const nonces = new Map(); // nonce → highest count seen

function authorized(request) {
  const [scheme, given] = challenges([request.headers.authorization || ''])[0] || ['', {}];
  const [user, password] = [env('CONNECTION_REQUEST_USERNAME'), env('CONNECTION_REQUEST_PASSWORD')];
  if (scheme !== 'digest' || !user || !password || given.username !== user || given.realm !== 'node-cpe') return false;
  if (given.uri !== request.url || given.qop !== 'auth' || !given.cnonce || !/^[0-9a-f]{8}$/i.test(given.nc || '')) return false;
  const count = parseInt(given.nc, 16);
  if (!nonces.has(given.nonce) || count <= nonces.get(given.nonce)) return false;
  const a1 = md5(user, 'node-cpe', password);
  if (given.response !== md5(a1, given.nonce, given.nc, given.cnonce, 'auth', md5(request.method, given.uri))) return false;
  nonces.set(given.nonce, count);
  return true;
}

function connectionRequest(request, response) {
  const reply = (status, headers = {}) => { response.writeHead(status, { 'Content-Length': 0, ...headers }); response.end(); };
  request.resume();
  if (request.url.split('?')[0] !== `/${state.path}`) return reply(404);
  if (request.method !== 'GET') return reply(405, { Allow: 'GET' });
  if (!authorized(request)) {
    const nonce = crypto.randomBytes(16).toString('hex');
    nonces.set(nonce, 0);
    if (nonces.size > 1000) nonces.delete(nonces.keys().next().value);
    return reply(401, { 'WWW-Authenticate': `Digest realm="node-cpe", nonce="${nonce}", qop="auth", algorithm=MD5` });
  }
  response.on('finish', () => setImmediate(happen, '6 CONNECTION REQUEST'));
  return reply(200);
}

function listen() {
  const port = Number(env('PORT', '7547'));
  // Outside of a namespace of its own the device is seen by this machine alone.
  const hosts = env('ISOLATED') === '1' ? ['::', '0.0.0.0'] : ['::1', '127.0.0.1'];
  for (const host of port ? hosts : []) {
    http.createServer({ connectionsCheckingInterval: 1000, headersTimeout: 10000, requestTimeout: 10000 }, connectionRequest)
      .on('error', (error) => {
        if (['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(error.code)) return; // no IPv6 here
        log(`port ${port}:`, error.message);
        process.exit(1);
      })
      .listen({ host, port, ipv6Only: true }, () => log('connection requests on', host, port));
  }
}

// --- power on -----------------------------------------------------------------------------------------------------

function boot() {
  RUNNING.retries = 0;
  const kept = state.events.filter((item) => !['1 BOOT', '6 CONNECTION REQUEST'].includes(item.code));
  state.events = [event('1 BOOT'), ...kept];
  if (state.bootstrapped !== env('ACS_URL')) {
    state.events = [event('0 BOOTSTRAP'), event('1 BOOT')];
    state.transfers = [];
  } else if (state.reportedUrl !== connectionRequestUrl() && !kept.some((item) => item.code === '4 VALUE CHANGE')) {
    state.events.push(event('4 VALUE CHANGE')); // the ACS must always know where to find us
  }
  save();
  arm();
  session();
}

['SIGTERM', 'SIGINT'].forEach((name) => process.on(name, () => process.exit(0)));
if (on('CWMP_ACTIVE')) listen();
if (on('CWMP_ACTIVE') && env('ACS_URL')) boot();
else setInterval(() => {}, 1 << 30); // switched off, or nobody to talk to: wait for other settings
