import ArgumentParser
import Foundation
import LineupServer

// One command an act (design §4, rule 7); what each means is decided where the queue is.

extension Queue {
    struct Skip: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends the slot of whoever is on air.")

        @OptionGroup var options: QueueActOptions
        @Argument(help: "Only if this ENTRY is on air.") var entry: String?

        func run() async throws { try await options.perform("skip", ["entry": entry]) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes an entry out of the queue.")

        @OptionGroup var options: QueueActOptions
        @Argument(help: "ENTRY: place, id or DJ name.") var entry: String

        func run() async throws { try await options.perform("remove", ["entry": entry]) }
    }

    struct Move: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Moves a waiting entry to another place.")

        @OptionGroup var options: QueueActOptions
        @Argument(help: "ENTRY: place, id or DJ name.") var entry: String
        @Argument(help: "The new place; 1 is the first of those who wait.") var position: Int

        func run() async throws {
            try await options.perform("move", ["entry": entry, "position": String(position)])
        }
    }

    struct PutOnAir: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "put-on-air", abstract: "Ends the present slot and takes this entry next.")

        @OptionGroup var options: QueueActOptions
        @Argument(help: "ENTRY: place, id or DJ name.") var entry: String

        func run() async throws { try await options.perform("put-on-air", ["entry": entry]) }
    }

    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Passes an entry over until it is released; it keeps its place.")

        @OptionGroup var options: QueueActOptions
        @Argument(help: "ENTRY: place, id or DJ name.") var entry: String

        func run() async throws { try await options.perform("hold", ["entry": entry]) }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets an entry that was held have its turn again.")

        @OptionGroup var options: QueueActOptions
        @Argument(help: "ENTRY: place, id or DJ name.") var entry: String

        func run() async throws { try await options.perform("release", ["entry": entry]) }
    }

    struct Extend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Adds to the time left of a slot.")

        @OptionGroup var options: QueueActOptions
        @Option(parsing: .unconditional, help: "A span; -5m takes five minutes away.") var by: String
        @Argument(help: "ENTRY; without it, whoever is on air.") var entry: String?

        func run() async throws { try await options.perform("extend", ["entry": entry, "seconds": by]) }
    }

    struct Remaining: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Sets the time left of a slot.")

        @OptionGroup var options: QueueActOptions
        @Option(help: "A span from 0s to 24h.") var to: String
        @Argument(help: "ENTRY; without it, whoever is on air.") var entry: String?

        func run() async throws { try await options.perform("remaining", ["entry": entry, "seconds": to]) }
    }

    struct Ban: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ends a DJ's entry and connection and keeps them out.")

        @OptionGroup var options: QueueActOptions
        @Option(name: .customLong("for"), help: "For this long; without it, until unbanned.") var span: String?
        @Option(help: "Why, for the DJ.") var reason: String?
        @Argument(help: "USER: DJ name, e-mail address or id.") var user: String

        func run() async throws {
            try await options.perform("ban", ["user": user, "seconds": span, "reason": reason])
        }
    }

    struct Unban: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets a banned DJ in again.")

        @OptionGroup var options: QueueActOptions
        @Argument(help: "USER: DJ name, e-mail address or id.") var user: String

        func run() async throws { try await options.perform("unban", ["user": user]) }
    }

    struct Unblock: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lifts the block after a DJ's turn.")

        @OptionGroup var options: QueueActOptions
        @Argument(help: "USER: DJ name, e-mail address or id.") var user: String

        func run() async throws { try await options.perform("unblock", ["user": user]) }
    }

    struct UserSlot: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "user-slot", abstract: "Gives one DJ a slot length of their own.")

        @OptionGroup var options: QueueActOptions
        @Argument(help: "USER: DJ name, e-mail address or id.") var user: String
        @Argument(help: "A span, or `none` for the queue's own length.") var length: String

        func run() async throws { try await options.perform("user-slot", ["user": user, "seconds": length]) }
    }

    struct Open: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets DJs join.")

        @OptionGroup var options: QueueActOptions

        func run() async throws { try await options.perform("open") }
    }

    struct Close: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets nobody join; those in the queue keep their places.")

        @OptionGroup var options: QueueActOptions

        func run() async throws { try await options.perform("close") }
    }

    struct AutoAdvance: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "auto-advance", abstract: "Switches whether the next DJ is taken by itself.")

        @OptionGroup var options: QueueActOptions
        @Argument(help: "on or off.") var state: String

        func validate() throws {
            guard ["on", "off"].contains(state) else { throw ValidationError("say on or off") }
        }

        func run() async throws { try await options.perform("auto-advance", ["enabled": state]) }
    }

    struct Clear: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Removes everybody who waits.")

        @OptionGroup var options: QueueActOptions
        @Flag(help: "Whoever is on air too.") var includingOnAir = false

        func run() async throws {
            try await options.perform("clear", ["includingOnAir": includingOnAir ? "on" : nil])
        }
    }
}
