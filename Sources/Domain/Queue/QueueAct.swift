/// What an operator can do to a queue (design §4, rule 7). One value for the API, the command line and the older names.
package enum QueueAct: Sendable, Equatable {
    /// Ends the slot of whoever is on air, or, with an entry, of that one only: a second click is then harmless.
    case skip(EntryID?)
    /// Takes an entry out, on air or waiting; reason `removed`.
    case remove(EntryID)
    /// To the place `to` among those waiting, counted from 0; past the end means the tail.
    case move(EntryID, to: Int)
    /// Ends the present slot, if any, and takes this one next, whatever stands before it.
    case putOnAir(EntryID)
    /// The entry keeps its place and is passed over until released.
    case hold(EntryID)
    case release(EntryID)
    /// Adds to the time left of the slot (of the one on air when `nil`), in seconds; negative shortens.
    case extend(EntryID?, seconds: Int)
    /// Sets the time left of the slot (of the one on air when `nil`), in seconds, 0…86,400.
    case setRemaining(EntryID?, seconds: Int)
    /// Sets the default slot length, in seconds (`nil`: unlimited); `resetRunning` gives the running slot that much from now.
    case setSlotLength(seconds: Int?, resetRunning: Bool)
    /// Ends the DJ's entry and connection and keeps them out until then (`nil`: until unbanned).
    case ban(UserID, until: WallTime?, reason: String?)
    case unban(UserID)
    /// Lifts the block after a turn.
    case unblock(UserID)
    /// The slot length of one DJ, in seconds; `nil` takes the queue's again.
    case setUserSlot(UserID, seconds: Int?)
    case setOpen(Bool)
    case setAutoAdvance(Bool)
    /// Settings as an operator typed them, name to text; all or none are set.
    case set([String: String])
    /// Removes every waiting entry; with `includingOnAir` the one on air too.
    case clear(includingOnAir: Bool)
    /// Takes the output, or gives it back; the queue stays as it is (design §5, Emergency).
    case emergency(ProgrammeEmergency)

    package var isEmergency: Bool {
        if case .emergency = self { true } else { false }
    }

    /// A constant for the audit log and metrics: `queue.skip`.
    package var kind: String {
        switch self {
        case .skip: "queue.skip"
        case .remove: "queue.remove"
        case .move: "queue.move"
        case .putOnAir: "queue.putOnAir"
        case .hold: "queue.hold"
        case .release: "queue.release"
        case .extend: "queue.extend"
        case .setRemaining: "queue.setRemaining"
        case .setSlotLength: "queue.setSlotLength"
        case .ban: "queue.ban"
        case .unban: "queue.unban"
        case .unblock: "queue.unblock"
        case .setUserSlot: "queue.setUserSlot"
        case .setOpen: "queue.setOpen"
        case .setAutoAdvance: "queue.setAutoAdvance"
        case .set: "queue.set"
        case .clear: "queue.clear"
        case .emergency: "channel.emergency"
        }
    }
}

/// Who did something, for the audit log.
package struct Actor: Sendable, Equatable, Encodable {
    package enum Kind: String, Sendable, Encodable {
        /// A signed-in person.
        case user
        /// A bearer token.
        case token
        /// The command line on the server's own machine.
        case commandLine
        /// The server itself.
        case server
    }

    package var kind: Kind
    /// The user's or token's id; `nil` for the command line and the server.
    package var id: String?
    /// The DJ name, the token's name, or the shell's user.
    package var name: String

    package init(kind: Kind, id: String?, name: String) {
        self.kind = kind
        self.id = id
        self.name = name
    }
}

/// An act with who does it and, where given, the version of the queue that they looked at.
package struct QueueCommand: Sendable, Equatable {
    package var act: QueueAct
    package var actor: Actor
    /// When given and not the present one, nothing is done and the caller is told the present state.
    package var expectedVersion: Int64?

    package init(act: QueueAct, actor: Actor, expectedVersion: Int64? = nil) {
        self.act = act
        self.actor = actor
        self.expectedVersion = expectedVersion
    }
}
