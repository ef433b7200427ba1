// A real authorization server for the tests: one oidc-provider an org, mounted at /<org>.
//
//   node server.mjs CONFIG.json [--port N]
//
// CONFIG: {"orgs": {NAME: {"scopes": [...], "narrow": bool, "delay_ms": N, "clients": [{"client_id", "client_secret",
// "scope", "grant_types", "token_endpoint_auth_method", ...}], "methods": [...]}}, "tls": {"key": PEM, "cert": PEM}}.
// `methods` are those of client authentication, all where absent. `scope` is what the client may ask; without it, all that the org knows. Other members of a client go to oidc-provider as they are.
// Prints {"url": ...} on stdout when ready, and ends when stdin closes or on SIGTERM.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { parseArgs } from 'node:util';

// oidc-provider 9 is written for Node 22; this is the one thing of it that Node 20 lacks.
URL.parse ??= (url, base) => (URL.canParse(url, base) ? new URL(url, base) : null);
console.info = console.warn; // stdout is for the ready line alone

const { default: Provider, errors } = await import('oidc-provider');

// A client registered without `scope` may ask for everything, so "nothing" has to be spelt as a scope of no use.
const NOTHING = 'openid';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { port: { type: 'string', default: '0' } },
});
if (positionals.length !== 1) {
  console.error('usage: node server.mjs CONFIG.json [--port N]');
  process.exit(2);
}
const config = JSON.parse(readFileSync(positionals[0], 'utf8'));

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const signingKey = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'tests' };

function registration(client, narrow) {
  const { scope, ...rest } = client;
  const limit = narrow || scope === undefined ? {} : { scope: scope || NOTHING };
  return { redirect_uris: [], response_types: [], ...rest, ...limit };
}

// Narrowing is oidc-provider's own: a token for a resource server carries only the scopes that the resource server has,
// here a default one whose scopes are those of the asking client.
function narrowing(issuer, org) {
  const allowed = new Map(org.clients.map((client) => [client.client_id, client.scope ?? org.scopes.join(' ')]));
  const api = `${issuer}/api`;
  return {
    enabled: true,
    defaultResource: () => api,
    getResourceServerInfo: (ctx, resource, client) => {
      if (resource !== api) throw new errors.InvalidTarget();
      return { scope: allowed.get(client.clientId), audience: api, accessTokenFormat: 'opaque', accessTokenTTL: 3600 };
    },
  };
}

function createProvider(issuer, org) {
  const provider = new Provider(issuer, {
    clients: org.clients.map((client) => registration(client, org.narrow)),
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    cookies: { keys: ['tests'] },
    jwks: { keys: [signingKey] },
    scopes: org.scopes,
    ...(org.methods ? { clientAuthMethods: org.methods } : {}),
    ttl: { ClientCredentials: 3600 },
    routes: { token: '/oauth/token', introspection: '/oauth/introspect', revocation: '/oauth/revoke' },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      mTLS: {
        enabled: Boolean(config.tls),
        tlsClientAuth: true,
        selfSignedTlsClientAuth: true,
        getCertificate: (ctx) => ctx.socket.getPeerX509Certificate?.(),
        certificateAuthorized: (ctx) => ctx.socket.getPeerX509Certificate?.() !== undefined,
        certificateSubjectMatches: (ctx, property, expected) =>
          property === 'tls_client_auth_subject_dn' && ctx.socket.getPeerCertificate().subject.CN === expected.slice(3),
      },
      revocation: { enabled: true, allowedPolicy: (ctx, client, token) => token.clientId === client.clientId },
      ...(org.narrow ? { resourceIndicators: narrowing(issuer, org) } : {}),
    },
  });
  provider.on('server_error', (ctx, error) => console.error(`${ctx.method} ${ctx.path}: ${error.stack}`));
  return provider;
}

// oidc-provider looks at a client only when it is first asked for: a wrong config should end the start, not answer 400.
async function checkClient(provider, name, client) {
  try {
    await provider.Client.find(client.client_id);
  } catch (error) {
    console.error(`config: orgs.${name}, client ${client.client_id}: ${error.error_description ?? error.message}`);
    process.exit(2);
  }
}

// "/acme/oauth/token" is ["acme", "/oauth/token"]; RFC 8414 §3.1 puts the well-known part before the issuer's path.
function locate(url) {
  const inserted = /^\/\.well-known\/oauth-authorization-server\/([^/?]+)\/?(?=\?|$)/.exec(url);
  if (inserted) return [inserted[1], '/.well-known/oauth-authorization-server'];
  const [, name, rest] = /^\/([^/?]*)(.*)$/s.exec(url) ?? [];
  return [name, rest?.startsWith('/') ? rest : `/${rest ?? ''}`];
}

// oidc-provider takes Basic and post for each other; other servers do not.
const refusesBasic = (methods) => (request) =>
  methods !== undefined && !methods.includes('client_secret_basic') && /^basic /i.test(request.headers.authorization);

const mounts = new Map();

function answer(request, response) {
  const [name, rest] = locate(request.url);
  const mount = mounts.get(name);
  if (!mount) {
    response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': 9 }).end('Not Found');
    return;
  }
  if (mount.refuses(request)) {
    response.writeHead(401, { 'Content-Type': 'application/json' }).end('{"error":"invalid_client"}');
    return;
  }
  request.baseUrl = `/${name}`; // oidc-provider builds its own URLs from it
  request.url = rest;
  setTimeout(() => mount.handle(request, response), mount.delayMs);
}

// Any client certificate is asked for and none is checked against a CA: the client registration says which one counts.
const askCertificate = { requestCert: true, rejectUnauthorized: false };
const server = config.tls ? https.createServer({ ...config.tls, ...askCertificate }, answer) : http.createServer(answer);
server.on('error', (error) => {
  console.error(`cannot listen: ${error.message}`);
  process.exit(1);
});
process.on('SIGTERM', () => process.exit(0));
process.stdin.on('close', () => process.exit(0)).on('error', () => process.exit(0)).resume();

server.listen(Number(options.port), '127.0.0.1', async () => {
  const url = `${config.tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;
  for (const [name, org] of Object.entries(config.orgs)) {
    const provider = createProvider(`${url}/${name}`, org);
    for (const client of org.clients) await checkClient(provider, name, client);
    mounts.set(name, { handle: provider.callback(), delayMs: org.delay_ms ?? 0, refuses: refusesBasic(org.methods) });
  }
  process.stdout.write(`${JSON.stringify({ url })}\n`);
});
