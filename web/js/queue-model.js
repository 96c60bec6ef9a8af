// What a queue view means, in words and numbers. Pure.

/** The entry on air, or `null`. */
export function onAir(view) {
  return view.entries.find((entry) => entry.state === 'onAir') ?? null;
}

/** Those who wait, in order. */
export function waiting(view) {
  return view.entries.filter((entry) => entry.state === 'waiting');
}

/** How an entry is, as a short word, a tone (`air`, `good`, `warm`, `dim`) and a sentence or nothing. */
export function status(entry, now) {
  if (!entry.connected) {
    const left = entry.graceUntil ? Math.max(0, (Date.parse(entry.graceUntil) - now) / 1000) : 0;
    return { word: 'Dropped', tone: 'warm', note: `Connection lost; the place is kept for ${span(left)}.` };
  }
  if (entry.state === 'onAir') return { word: 'ON AIR', tone: 'air', note: '' };
  if (!entry.ready) return { word: 'Not ready', tone: 'dim', note: (entry.missing ?? []).join(' ') };
  return { word: 'Ready', tone: 'good', note: '' };
}

/** Where `user` stands: `null`, or the entry with its place (0 is on air) and how many play before. */
export function placeOf(view, user) {
  const entry = view.entries.find((candidate) => candidate.user === user);
  if (!entry) return null;
  const before = view.entries.indexOf(entry);
  const place = entry.state === 'onAir' ? 0 : waiting(view).indexOf(entry) + 1;
  return { entry, place, before };
}

/** What operators are told while the database does not take the queue's moves; `null` while all is well. */
export function unwrittenSentence(view) {
  if (!view.unwritten) return null;
  const { moves } = view.unwritten;
  const since = new Date(view.unwritten.since).toLocaleTimeString();
  const waits = moves === 0 ? 'No change waits to be written yet.'
    : `${moves} ${moves === 1 ? 'change waits' : 'changes wait'} to be written, and would be lost if the server ended now.`;
  return `Since ${since}. The broadcast and the queue go on. ${waits} Do not restart the server; see to the database.`;
}

/** What a DJ on air is told while the slot is about to end for want of something; `null` while all is well. */
export function unhealthySentence(entry, now) {
  if (!entry.unhealthy) return null;
  const left = Math.max(0, Math.ceil((Date.parse(entry.unhealthy.endsAt) - now) / 1000));
  return `No ${entry.unhealthy.missing.join(' and no ')} comes from your encoder. Your slot ends in ${left} s unless it is back before.`;
}

/** What a DJ is told about their place: one sentence. */
export function placeSentence(view, user) {
  const found = placeOf(view, user);
  if (!found) {
    return view.isOpen
      ? 'You are not in the queue. Start streaming, and you join at the end.'
      : 'You are not in the queue, and it is closed to newcomers for now.';
  }
  if (!found.entry.connected) return 'Your connection dropped. Start streaming again to keep your place.';
  if (found.place === 0) return 'You are on air.';
  if (!found.entry.ready) return `You are number ${found.place} in the queue, but not ready to go on air yet.`;
  return found.place === 1 ? 'You are next.' : `You are number ${found.place} in the queue.`;
}

/**
 * The server's clock as seen from here. Each view tells when it was true; the freshest one seen has the least delay in it, so
 * the smallest difference is the best guess of how far our clock is ahead.
 */
export class ServerClock {
  #ahead = Infinity;

  /** Notes a view that came at `now`, in milliseconds since 1970 by our clock. */
  saw(at, now) {
    const ahead = now - Date.parse(at);
    if (Number.isFinite(ahead)) this.#ahead = Math.min(this.#ahead, ahead);
  }

  /** The server's time at our `now`. */
  time(now) {
    return Number.isFinite(this.#ahead) ? now - this.#ahead : now;
  }
}

/** Seconds left of the slot on air at the server's time `now`; `null` when unlimited or nobody is on air. Never negative. */
export function secondsLeft(view, now) {
  const entry = onAir(view);
  if (!entry || entry.remainingSeconds === undefined || entry.remainingSeconds === null) return null;
  // The slot's clock stands still while the programme shows the slate.
  const running = view.showing === 'dj' ? Math.max(0, (now - Date.parse(view.at)) / 1000) : 0;
  return Math.max(0, entry.remainingSeconds - running);
}

/** The part of the slot used at the server's time `now`, 0…1; `null` when it has no length. */
export function slotUsed(view, now) {
  const left = secondsLeft(view, now);
  if (left === null || !view.slotSeconds) return null;
  return Math.min(1, Math.max(0, 1 - left / view.slotSeconds));
}

/** A span for a clock face: `0:07`, `12:30`, `1:02:03`. */
export function clockFace(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A span in words, rounded for reading: `45 s`, `3 min`, `1 h 20 min`. */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
