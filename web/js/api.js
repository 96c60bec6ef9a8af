// The one module that talks to the server.

import { nextDelay } from './backoff.js';
import { readAnswer, regionQuery, viewerQuery } from './player-model.js';

/** An answer that is an error: the server's problem document (RFC 9457). */
export class Problem extends Error {
  constructor(status, document, retryAfterSeconds) {
    super(document?.detail ?? 'The server gave an answer that this page does not understand.');
    this.status = status;
    this.slug = (document?.type ?? '').replace('/problems/', '');
    this.title = document?.title ?? 'Something went wrong';
    this.field = document?.field;
    // The queue as it is, where the refusal says so.
    this.queue = document?.queue;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The server could not be reached at all. */
export class Unreachable extends Error {
  constructor() {
    super('The server cannot be reached. Check your connection and try again.');
    this.slug = 'unreachable';
  }
}

// Sent back with each write; known from the session's answers, kept in this page only.
let csrfToken = null;

async function request(method, path, body) {
  const isFile = body instanceof Blob;
  const headers = { accept: 'application/json' };
  if (method !== 'GET') {
    headers['content-type'] = isFile ? body.type : 'application/json';
    if (csrfToken) headers['x-csrf-token'] = csrfToken;
  }
  let response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method, headers, body: method === 'GET' ? undefined : isFile ? body : JSON.stringify(body ?? {}), credentials: 'same-origin', cache: 'no-store',
    });
  } catch {
    throw new Unreachable();
  }
  if (response.status === 204) return null;
  let document = null;
  try {
    document = await response.json();
  } catch {
    // A proxy's page, for example: the status alone has to do.
  }
  if (!response.ok || document === null) {
    throw new Problem(response.status, document, Number(response.headers.get('retry-after')) || undefined);
  }
  return document;
}

/** A write. When another tab has changed the session, its new token is fetched and the write tried once more. */
async function write(method, path, body) {
  try {
    return await request(method, path, body);
  } catch (error) {
    if (error.slug !== 'csrf-token') throw error;
    await api.me();
    return request(method, path, body);
  }
}

function remember(me) {
  csrfToken = me.csrfToken;
  return me.account;
}

export const api = {
  /** The account that is logged in, or `null`. */
  me: async () => remember(await request('GET', '/me')),
  signUp: async (form) => remember(await write('POST', '/signup', form)),
  logIn: async (form) => remember(await write('POST', '/login', form)),
  logOut: async () => {
    await write('POST', '/logout');
    csrfToken = null;
  },
  signUpFacts: () => request('GET', '/signup'),
  changeAccount: (changes) => write('PATCH', '/account', changes),
  changeEmail: (form) => write('PUT', '/account/email', form),
  changePassword: async (form) => remember(await write('PUT', '/account/password', form)),
  setPicture: (file) => write('PUT', '/account/picture', file),
  removePicture: () => write('DELETE', '/account/picture'),
  exportAccount: () => request('GET', '/account/export'),
  deleteAccount: async (password) => {
    await write('POST', '/account/delete', { password });
    csrfToken = null;
  },
  sessions: async () => (await request('GET', '/account/sessions')).sessions,
  endSession: (id) => write('DELETE', `/account/sessions/${id}`),
  endOtherSessions: () => write('DELETE', '/account/sessions'),
  beginCodes: (password) => write('POST', '/account/second-factor', { password }),
  confirmCodes: (code) => write('POST', '/account/second-factor/confirm', { code }),
  removeCodes: (password) => write('POST', '/account/second-factor/remove', { password }),
  requestReset: (email) => write('POST', '/password-reset/request', { email }),
  reset: (token, password) => write('POST', '/password-reset', { token, password }),
  requestVerification: () => write('POST', '/account/verification'),
  verify: (token) => write('POST', '/email-verification', { token }),
  discordLink: async () => (await request('GET', '/account/discord')).id,
  linkDiscord: (id) => write('PUT', '/account/discord', { id }),
  testStream: () => request('GET', '/account/test-stream'),
  keys: async () => (await request('GET', '/keys')).keys,
  createKey: (label) => write('POST', '/keys', { label }),
  rotateKey: (id) => write('POST', `/keys/${id}/rotate`),
  revokeKey: (id) => write('DELETE', `/keys/${id}`),
  queue: (channel) => request('GET', `/channels/${channel}/queue`),
  /** One of an operator's acts; resolves to the queue afterwards. */
  act: (channel, name, body) => write('POST', `/channels/${channel}/queue/${name}`, body),
  changeSettings: (channel, changes) => write('PATCH', `/channels/${channel}/settings`, changes),
  /** How the channel stands in lists for television apps; what it has not is absent. */
  listing: (channel) => request('GET', `/channels/${channel}/listing`),
  setListing: (channel, listing) => write('PUT', `/channels/${channel}/listing`, listing),
  targets: async () => (await request('GET', '/targets')).targets,
  /** `test`, `park` or `resume`. */
  targetAct: (id, name) => write('POST', `/targets/${id}/${name}`),
  server: () => request('GET', '/server'),
  /** What the server receives of the own encoder: `{ connected, status, issues, measures }`. */
  ownHealth: () => request('GET', '/me/health'),
  entryHealth: (channel, entry) => request('GET', `/channels/${channel}/entries/${entry}/health`),
  /** Past turns, newest first: of all for operators, else the own. */
  history: (channel, cursor) => request('GET', `/channels/${channel}/queue/history?limit=10${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`),
  leave: (channel) => write('POST', `/channels/${channel}/queue/leave`),
  stepBack: (channel) => write('POST', `/channels/${channel}/queue/step-back`),
  users: async () => (await request('GET', '/users')).users,
  setRole: (id, role) => write('PUT', `/users/${id}/role`, { role }),
  approveUser: (id) => write('POST', `/users/${id}/approve`),
  enableUser: (id) => write('POST', `/users/${id}/enable`),
  disableUser: (id) => write('POST', `/users/${id}/disable`),
  /** `{ link }`, which lets its reader set a new password. */
  resetLink: (id) => write('POST', `/users/${id}/reset-link`),
  endUserSessions: (id) => write('POST', `/users/${id}/log-out`),
  removeUserCodes: (id) => write('DELETE', `/users/${id}/second-factor`),
  userKeys: async (id) => (await request('GET', `/users/${id}/keys`)).keys,
  revokeUserKey: (id, key) => write('DELETE', `/users/${id}/keys/${key}`),
  invitations: async () => (await request('GET', '/invitations')).invitations,
  /** The answer's `link` is shown this once. */
  invite: (draft) => write('POST', '/invitations', draft),
  withdrawInvitation: (id) => write('DELETE', `/invitations/${id}`),
  tokens: async () => (await request('GET', '/tokens')).tokens,
  /** The answer's `token` is shown this once. */
  createToken: (draft) => write('POST', '/tokens', draft),
  revokeToken: (id) => write('DELETE', `/tokens/${id}`),
  targetFailures: async (id) => (await request('GET', `/targets/${id}/failures`)).failures,
  changeTarget: (id, changes) => write('PATCH', `/targets/${id}`, changes),
  createTarget: (draft) => write('POST', '/targets', draft),
  removeTarget: (id) => write('DELETE', `/targets/${id}`),
  studios: async () => (await request('GET', '/obs')).connections,
  createStudio: (draft) => write('POST', '/obs', draft),
  changeStudio: (id, changes) => write('PATCH', `/obs/${id}`, changes),
  removeStudio: (id) => write('DELETE', `/obs/${id}`),
  testStudio: (id) => write('POST', `/obs/${id}/test`),
  /** The batch that an event of this kind would send. */
  dryRunStudio: (id, kind) => write('POST', `/obs/${id}/dry-run`, { kind }),
  audit: (channel, before) => request('GET', `/channels/${channel}/queue/audit?limit=30${before ? `&before=${before}` : ''}`),
  handovers: (channel) => request('GET', `/channels/${channel}/handovers?limit=50`),
  /** Who watches; for operators. */
  viewers: (channel) => request('GET', `/channels/${channel}/viewers?limit=100`),
  /** `{ token, expiresAt, playlist, watch }`: lets in for a day whoever has it. */
  playLink: (channel) => request('GET', `/channels/${channel}/play-token`),
  /** `{ ended, addressBarred }`: how many sessions are over, and whether their address is kept out. */
  kickViewer: (channel, id) => write('DELETE', `/channels/${channel}/viewers/${id}`),
  /** `{ ready, checks }`, also while the server is not ready. */
  async readiness() {
    let response;
    try {
      response = await fetch('/readyz', { cache: 'no-store' });
      return await response.json();
    } catch {
      throw new Unreachable();
    }
  },
  /** How many watch: `{ viewers, estimate, outputs }`, and `outside`, why, where the channel is not offered here. */
  viewerCount: (channel) => request('GET', `/channels/${channel}${regionQuery(ownSearch)}`),

  /** How the media at `path` answers this viewer: `{ answer, reason }` as `readAnswer` has it; `unreachable` without a server. */
  async media(path) {
    try {
      const response = await fetch(path + ownQuery, { cache: 'no-store' });
      return readAnswer(response.status, response.ok ? null : await response.json().catch(() => null));
    } catch {
      return { answer: 'unreachable' };
    }
  },

  /**
   * Follows a channel's queue until the returned function is called. `onView` gets each view, `onState` one of `connecting`, `live`,
   * `retrying`, `onEvent` each event of `kinds`. A browser gives up for ever after an error answer, so coming back is done here.
   */
  follow(onView, onState, { channel = 'main', kinds = [], onEvent } = {}) {
    let source = null;
    let timer = null;
    let attempt = 0;
    const connect = () => {
      timer = null;
      onState(attempt === 0 ? 'connecting' : 'retrying');
      source = new EventSource(`/api/v1/events?channel=${encodeURIComponent(channel)}`);
      for (const kind of kinds) source.addEventListener(kind, (event) => onEvent(JSON.parse(event.data)));
      source.addEventListener('queue', (event) => {
        attempt = 0;
        onState('live');
        onView(JSON.parse(event.data));
      });
      source.addEventListener('error', () => {
        onState('retrying');
        if (source.readyState !== EventSource.CLOSED) return;
        attempt += 1;
        timer ??= setTimeout(connect, nextDelay(attempt, Math.random()));
      });
    };
    connect();
    return () => {
      clearTimeout(timer);
      source?.close();
    };
  },
};

const ownSearch = globalThis.location?.search ?? '';
/** What this page's address says of its viewer, for every address of media that this viewer opens: `viewerQuery` of it. */
export const ownQuery = viewerQuery(ownSearch);

export function playlistPath(channel) {
  return `/hls/${channel}/index.m3u8${ownQuery}`;
}
