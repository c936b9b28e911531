// SOAP 1.1 envelopes of CWMP 1.0 (TR-069 3.5): a strict little XML reader, and writers for what the device says.
'use strict';

const ENVELOPE = 'http://schemas.xmlsoap.org/soap/envelope/';
const CWMP = 'urn:dslforum-org:cwmp-1-0';
const NAMES = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const HEADERS = ['ID', 'HoldRequests', 'NoMoreRequests'];
const TOKEN = /<!--(?:(?!--)[^])*-->|<!\[CDATA\[([^]*?)\]\]>|<\?[^]*?\?>|<\/([^\s<>\/]+)\s*>|<([^\s<>\/!?]+)((?:\s+[^\s=<>\/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y;

class Fault extends Error {
  constructor(code, string, parameters = []) { super(string); this.code = code; this.parameters = parameters; }
}

function text(raw) {
  return raw.replace(/&([^;]*);|&/g, (_, name) => {
    if (name && name in NAMES) return NAMES[name];
    const number = name && /^#(?:x([0-9a-fA-F]+)|([0-9]+))$/.exec(name);
    const code = number ? parseInt(number[1] || number[2], number[1] ? 16 : 10) : NaN;
    if (!(code > 0 && code <= 0x10ffff)) throw new Error('a reference that is not XML');
    return String.fromCodePoint(code);
  });
}

// The root element of a document: {ns, name, attributes, children, text}. No DTD, no entities, no recovery.
function parse(source) {
  const xml = source.replace(/^\uFEFF/, '');
  const root = { children: [], text: '', scope: { xml: 'http://www.w3.org/XML/1998/namespace' } };
  const open = [root];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < xml.length) {
    const token = TOKEN.exec(xml);
    if (!token) throw new Error('not well-formed XML');
    const [, cdata, end, start, attributes, empty, chars] = token;
    const parent = open[open.length - 1];
    if (cdata !== undefined || chars !== undefined) {
      parent.text += cdata !== undefined ? cdata : text(chars);
    } else if (end !== undefined) {
      if (open.length < 2 || open.pop().tag !== end) throw new Error(`</${end}> closes nothing`);
    } else if (start !== undefined) {
      const element = { tag: start, children: [], text: '', scope: Object.create(parent.scope), attributes: {} };
      for (const [, name, value] of attributes.matchAll(/([^\s=]+)\s*=\s*("[^"]*"|'[^']*')/g)) {
        const plain = text(value.slice(1, -1));
        if (name in element.attributes) throw new Error(`${name} twice`);
        element.attributes[name] = plain;
        if (/^xmlns(:|$)/.test(name)) element.scope[name.slice(6)] = plain;
      }
      const [prefix, local] = start.includes(':') ? start.split(':') : ['', start];
      element.ns = element.scope[prefix] || '';
      element.name = local;
      if (prefix && !element.ns) throw new Error(`no namespace for ${start}`);
      parent.children.push(element);
      if (!empty) open.push(element);
      if (open.length > 100) throw new Error('too deep');
    }
  }
  if (open.length > 1 || root.children.length !== 1 || root.text.trim()) throw new Error('not one whole XML document');
  return root.children[0];
}

const child = (element, name) => element.children.find((item) => item.name === name);
const value = (element, name) => { const found = child(element, name); return found ? found.text : undefined; };

function understood(element) {
  const entry = Object.entries(element.attributes).find(([name]) => name.endsWith(':mustUnderstand'));
  return !entry || !['1', 'true'].includes(entry[1].trim())
    || (element.ns.startsWith('urn:dslforum-org:cwmp-') && HEADERS.includes(element.name));
}

// An envelope of the ACS: {id, hold, understood, body}.
function read(source) {
  const root = parse(source);
  if (root.ns !== ENVELOPE || root.name !== 'Envelope') throw new Error('not a SOAP 1.1 envelope');
  const headers = root.children.filter((item) => item.ns === ENVELOPE && item.name === 'Header').flatMap((item) => item.children);
  const bodies = root.children.filter((item) => item.ns === ENVELOPE && item.name === 'Body');
  if (bodies.length !== 1 || bodies[0].children.length !== 1) throw new Error('not one Body with one child');
  const header = (name) => { const found = headers.find((item) => item.name === name); return found && found.text; };
  return {
    id: header('ID'),
    hold: ['1', 'true'].includes((header('HoldRequests') || '').trim()),
    understood: headers.every(understood),
    body: bodies[0].children[0],
  };
}

const escaped = (raw) => String(raw).replace(/[&<>"]|[^\t\n\x20-\x7e]/gu, (char) => `&#${char.codePointAt(0)};`);
const element = (name, content) => `<${name}>${content}</${name}>`;
const fields = (table) => Object.entries(table).map(([name, item]) => element(name, escaped(item))).join('');
const array = (name, type, items) => `<${name} soap-enc:arrayType="${type}[${items.length}]">${items.join('')}</${name}>`;
const typed = (name, type, item) =>
  `<ParameterValueStruct><Name>${escaped(name)}</Name><Value xsi:type="xsd:${type}">${escaped(item)}</Value></ParameterValueStruct>`;

function envelope(id, body) {
  const header = id === undefined ? '' : `<soap-env:Header><cwmp:ID soap-env:mustUnderstand="1">${escaped(id)}</cwmp:ID></soap-env:Header>`;
  return '<?xml version="1.0" encoding="UTF-8"?>\n<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"'
    + ' xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    + ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cwmp="${CWMP}">${header}`
    + `<soap-env:Body>${body}</soap-env:Body></soap-env:Envelope>`;
}

const rpc = (name, content) => element(`cwmp:${name}`, content);

function faultBody(fault) {
  const details = fault.parameters.map((item) => element('SetParameterValuesFault', fields(item))).join('');
  const cwmp = rpc('Fault', fields({ FaultCode: fault.code, FaultString: fault.message }) + details);
  return element('soap-env:Fault', element('faultcode', fault.code === 9002 ? 'Server' : 'Client')
    + element('faultstring', 'CWMP fault') + element('detail', cwmp));
}

const notUnderstood = element('soap-env:Fault', element('faultcode', 'soap-env:MustUnderstand')
  + element('faultstring', 'a header is not understood'));

module.exports = { Fault, array, child, element, envelope, faultBody, fields, notUnderstood, read, rpc, typed, value };
