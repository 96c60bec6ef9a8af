// What the part of an address behind `#` asks for. Pure.

const kinds = ['reset', 'verify', 'invitation'];

/** `{ kind, token }`; both null for anything else. */
export function readLink(hash) {
  if (hash === '#forgot') return { kind: 'forgot', token: null };
  const match = /^#([a-z]+)=([a-z2-7]{52})$/.exec(hash);
  if (!match || !kinds.includes(match[1])) return { kind: null, token: null };
  return { kind: match[1], token: match[2] };
}

/** A browser's name for itself, as a person knows it: `Firefox on Windows`. */
export function browserName(agent) {
  if (!agent) return 'A program';
  const browser = [['Edg/', 'Edge'], ['OPR/', 'Opera'], ['Firefox/', 'Firefox'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari']]
    .find(([sign]) => agent.includes(sign))?.[1];
  const system = [['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Android', 'Android'], ['Windows', 'Windows'], ['Mac OS', 'Mac'], ['Linux', 'Linux']]
    .find(([sign]) => agent.includes(sign))?.[1];
  if (!browser) return agent.slice(0, 40);
  return system ? `${browser} on ${system}` : browser;
}
