// Accounts in words, and finding them. Pure.

export const ROLES = ['viewer', 'dj', 'operator', 'admin'];

/** Those whose name or address has all words of `search`, whatever the case; those who wait to be let through first. */
export function foundPeople(people, search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = people.filter(({ name, email }) => {
    const text = `${name} ${email}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const isWaiting = (person) => (person.approved === false || person.resetRequestedAt ? 0 : 1);
  return found.sort((one, other) => isWaiting(one) - isWaiting(other) || one.name.localeCompare(other.name));
}

/** What there is to know of an account beside its name: one line. */
export function personNote(person, day = (moment) => new Date(moment).toLocaleDateString()) {
  return [
    person.disabled && 'Disabled.',
    person.approved === false && 'Waits to be let through.',
    person.resetRequestedAt && 'Asked for a new password: make a reset link.',
    person.emailVerified === false && 'Address not verified.',
    person.secondFactor && 'Logs in with one-time codes.',
    `Since ${day(person.createdAt)}.`,
  ].filter(Boolean).join(' ');
}
