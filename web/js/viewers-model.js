// What became of viewers, in words. Pure.

/** `answer`: of sending a viewer away. Answers `{ kind, words }`, `kind` as a notice's. */
export function sentAwayWords({ ended, addressBarred }) {
  const gone = ended > 1 ? `They are out, and their ${ended} sessions are over.` : 'They are out.';
  if (addressBarred) return { kind: 'good', words: gone };
  const one = ended > 1 ? `Their ${ended} sessions are over` : 'Their session is over';
  return { kind: 'bad', words: `${one}, but they can come back: their address is a proxy's, or may be one's, so it is not kept out. Name the proxy in LINEUP_TRUSTED_PROXIES to keep viewers out.` };
}
