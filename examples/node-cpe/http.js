// One session's HTTP: a kept connection, cookies, Basic and Digest, redirects, TLS against one root certificate.
'use strict';

const crypto = require('crypto');
const http = require('http');
const https = require('https');
const tls = require('tls');

const PATIENCE = 40000; // ms; TR-069 wants at least 30 s
const LONGEST = 4 * 1024 * 1024;
const hash = (algorithm, data) => crypto.createHash(algorithm).update(data).digest('hex');
const md5 = (...parts) => hash('md5', parts.join(':'));

// The host must be a whole name, a wildcard label or an address of the subjectAltName (RFC 9525): Node itself would go by
// the common name where there is none, and takes wildcards for a part of a label.
function identity(host, certificate) {
  const whole = (name) => !name.includes('*') || /^DNS:\*\.[^*]+$/.test(name);
  const names = (certificate.subjectaltname || '').split(', ').filter((name) => /^(DNS|IP Address):/.test(name) && whole(name));
  if (!names.length) return new Error('the certificate has no name that counts');
  return tls.checkServerIdentity(host, { subject: {}, subjectaltname: names.join(', ') });
}

// Every challenge of the WWW-Authenticate headers as [scheme, {parameter: value}].
function challenges(lines) {
  const found = [];
  const part = /\s*,?\s*(?:([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([\w-]+)(?=\s|$))/y;
  for (const line of lines) {
    part.lastIndex = 0;
    for (let item = part.exec(line); item; item = part.exec(line)) {
      const [, name, quoted, plain, scheme] = item;
      if (scheme) found.push([scheme.toLowerCase(), {}]);
      else if (found.length) found[found.length - 1][1][name.toLowerCase()] = quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1');
    }
  }
  return found;
}

function digest(given, user, password, method, uri, nc, cnonce) {
  const session = (given.algorithm || '').toLowerCase() === 'md5-sess';
  const first = md5(user, given.realm, password);
  const a1 = session ? md5(first, given.nonce, cnonce) : first;
  const a2 = md5(method, uri);
  const count = nc.toString(16).padStart(8, '0');
  const response = given.qop ? md5(a1, given.nonce, count, cnonce, 'auth', a2) : md5(a1, given.nonce, a2);
  const quote = (raw) => `"${String(raw).replace(/(["\\])/g, '\\$1')}"`;
  return [`Digest username=${quote(user)}`, `realm=${quote(given.realm)}`, `nonce=${quote(given.nonce)}`, `uri=${quote(uri)}`,
    `response="${response}"`,
    ...(given.algorithm ? [`algorithm=${given.algorithm}`] : []),
    ...(given.opaque === undefined ? [] : [`opaque=${quote(given.opaque)}`]),
    ...(given.qop ? [`qop=auth, nc=${count}, cnonce="${cnonce}"`] : session ? [`cnonce="${cnonce}"`] : [])].join(', ');
}

class Client {
  // options: {rootCa (PEM or undefined), source (IPv4 or ''), user, password}
  constructor(url, options) {
    this.url = new URL(url);
    this.home = this.url.hostname;
    // Node takes port 0 for the scheme's own.
    if (this.url.port === '0') throw new Error(`port 0 in ${url}`);
    this.options = options;
    this.cookies = [];
    this.challenge = null;
    this.agents = {};
    this.localAddress = '';
  }

  // A POST (or GET) with its redirects and challenges; resolves to {status, headers, body}.
  async request(method, headers = {}, body = '') {
    for (let redirects = 0, refused = 0; ;) {
      const answer = await this.once(method, { ...headers, ...this.own(method) }, body);
      this.keepCookies(answer.headers['set-cookie'] || []);
      if ([302, 307].includes(answer.status) && redirects < 5) {
        redirects += 1;
        this.redirected(answer.headers.location);
      } else if (answer.status === 401 && refused < 2 && this.choose(answer.rawChallenges)) {
        refused += 1;
      } else {
        return answer;
      }
    }
  }

  redirected(location) {
    const next = new URL(location, this.url);
    if (!['http:', 'https:'].includes(next.protocol)) throw new Error(`redirected to ${next.protocol}`);
    if (this.url.protocol === 'https:' && next.protocol !== 'https:') throw new Error('redirected from https to http');
    if (next.host !== this.url.host) { this.cookies = []; this.challenge = null; }
    this.url = next;
  }

  // Digest before Basic, which would hand the password to anybody on the way and to another host; false where nothing can
  // be answered.
  choose(lines) {
    if (!this.options.user) return false;
    const safe = this.url.protocol === 'https:' && this.url.hostname === this.home;
    const known = challenges(lines).filter(([scheme, given]) => (scheme === 'basic' && safe)
      || (scheme === 'digest' && given.nonce !== undefined && (!given.qop || /(^|[\s,])auth([\s,]|$)/.test(given.qop))
        && ['md5', 'md5-sess'].includes((given.algorithm || 'md5').toLowerCase())));
    const found = known.find(([scheme]) => scheme === 'digest') || known[0];
    this.challenge = found ? { scheme: found[0], given: found[1], nc: 0, cnonce: crypto.randomBytes(12).toString('hex') } : null;
    return Boolean(found);
  }

  own(method) {
    const path = this.url.pathname + this.url.search;
    const at = this.url.pathname;
    const mine = this.cookies.filter((cookie) => at === cookie.path || at.startsWith(cookie.path.replace(/\/?$/, '/')));
    const headers = mine.length ? { Cookie: mine.map((cookie) => `${cookie.name}=${cookie.value}`).join('; ') } : {};
    if (!this.challenge) return headers;
    const { user, password } = this.options;
    if (this.challenge.scheme === 'basic') {
      return { ...headers, Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
    }
    this.challenge.nc += 1;
    const { given, nc, cnonce } = this.challenge;
    return { ...headers, Authorization: digest(given, user, password, method, path, nc, cnonce) };
  }

  keepCookies(lines) {
    for (const line of lines) {
      const [pair, ...rest] = line.split(';').map((part) => part.trim());
      const attributes = Object.fromEntries(rest.map((part) => [part.split('=')[0].toLowerCase(), part.slice(part.indexOf('=') + 1)]));
      const name = pair.slice(0, pair.indexOf('='));
      const path = (attributes.path || '').replace(/^"|"$/g, '');
      const cookie = { name, value: pair.slice(pair.indexOf('=') + 1), path: path.startsWith('/') ? path : '/' };
      this.cookies = this.cookies.filter((old) => old.name !== name || old.path !== cookie.path);
      if (!(Number(attributes['max-age']) <= 0) && !(Date.parse(attributes.expires) < Date.now())) this.cookies.push(cookie);
    }
  }

  agent() {
    const secure = this.url.protocol === 'https:';
    this.agents[this.url.protocol] ||= secure
      ? new https.Agent({
        keepAlive: true, maxSockets: 1, rejectUnauthorized: true, minVersion: 'TLSv1.2',
        // An empty list trusts nobody; without the option Node would trust its own store.
        ca: this.options.rootCa ? [this.options.rootCa] : [],
        ciphers: 'DEFAULT:@SECLEVEL=2', // no RSA key below 2048 bits
        checkServerIdentity: identity,
      })
      : new http.Agent({ keepAlive: true, maxSockets: 1 });
    return this.agents[this.url.protocol];
  }

  once(method, headers, body, again = true) {
    const source = this.options.source && !this.url.hostname.startsWith('[') ? { localAddress: this.options.source, family: 4 } : {};
    const length = method === 'POST' ? { 'Content-Length': Buffer.byteLength(body) } : {};
    return new Promise((resolve, reject) => {
      const { request } = this.url.protocol === 'https:' ? https : http;
      const req = request(this.url, { method, agent: this.agent(), headers: { ...headers, ...length }, timeout: PATIENCE, ...source });
      req.on('socket', (socket) => socket.once('connect', () => { this.localAddress = socket.localAddress || ''; }));
      req.on('timeout', () => req.destroy(new Error('no answer')));
      req.on('error', (error) => {
        // A kept connection that the other end has closed meanwhile: the same request on a new one.
        if (again && req.reusedSocket && error.code === 'ECONNRESET') resolve(this.once(method, headers, body, false));
        else reject(error);
      });
      req.on('response', (answer) => {
        const chunks = [];
        let size = 0;
        answer.on('data', (chunk) => {
          size += chunk.length;
          chunks.push(chunk);
          if (size > LONGEST) req.destroy(new Error('the answer is too long'));
        });
        answer.on('aborted', () => reject(new Error('the answer broke off')));
        answer.on('end', () => resolve({
          status: answer.statusCode,
          headers: answer.headers,
          rawChallenges: answer.rawHeaders.filter((_, at) => at % 2 && /^www-authenticate$/i.test(answer.rawHeaders[at - 1])),
          body: Buffer.concat(chunks),
        }));
      });
      req.end(body);
    });
  }

  close() {
    Object.values(this.agents).forEach((agent) => agent.destroy());
  }
}

module.exports = { Client, challenges, md5 };
