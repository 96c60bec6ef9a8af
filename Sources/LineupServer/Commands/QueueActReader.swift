import Domain

/// Reads what the command line asks of a queue: names and texts in, one `QueueCommand` out.
struct QueueActReader {
    let arguments: [String: String]
    let present: QueueView
    let accounts: any AccountDesk
    let now: WallTime

    private static let day = 86_400
    private static let longestBan = 10 * 366 * day
    private static let settingPrefix = "set."

    /// - Parameter act: `skip`, `put-on-air`, as in `lineup queue`.
    /// - Throws: `QueueCommandError` and `AccountError`, each of which has a sentence.
    func command(_ act: String) async throws -> QueueCommand {
        var version: Int64?
        if let text = arguments["ifVersion"] {
            guard let number = Int64(text) else { throw QueueCommandError.refused("a version is a number") }
            version = number
            // First, since a place may well be somebody else's in the queue as it is now.
            if number != present.version { throw QueueCommandError.versionConflict(present: present) }
        }
        let actor = Actor(kind: .commandLine, id: nil, name: String((arguments["actor"] ?? "").prefix(64)))
        return QueueCommand(act: try await queueAct(act), actor: actor, expectedVersion: version)
    }

    private func queueAct(_ act: String) async throws -> QueueAct {
        switch act {
        case "skip": .skip(try entryIfNamed())
        case "remove": .remove(try entry())
        case "move": .move(try entry(), to: try position() - 1)
        case "put-on-air": .putOnAir(try entry())
        case "hold": .hold(try entry())
        case "release": .release(try entry())
        case "extend": .extend(try entryIfNamed(), seconds: try span(-Self.day...Self.day))
        case "remaining": .setRemaining(try entryIfNamed(), seconds: try span(0...Self.day))
        case "ban": .ban(try await user(), until: try banEnd(), reason: arguments["reason"])
        case "unban": .unban(try await user())
        case "unblock": .unblock(try await user())
        case "user-slot":
            .setUserSlot(
                try await user(), seconds: arguments["seconds"] == "none" ? nil : try span(1...Self.day))
        case "open": .setOpen(true)
        case "close": .setOpen(false)
        case "auto-advance": .setAutoAdvance(arguments["enabled"] == "on")
        case "clear": .clear(includingOnAir: arguments["includingOnAir"] == "on")
        case "set": .set(settings())
        case "emergency": .emergency(try emergency())
        default: throw QueueCommandError.refused("the server does not know 'queue \(act)': is it of this version?")
        }
    }

    private func emergency() throws(QueueCommandError) -> ProgrammeEmergency {
        guard let state = ProgrammeEmergency(rawValue: arguments["state"] ?? "") else {
            throw .refused("say slate, mute or off")
        }
        return state
    }

    private func settings() -> [String: String] {
        var settings: [String: String] = [:]
        for (name, text) in arguments where name.hasPrefix(Self.settingPrefix) {
            settings[String(name.dropFirst(Self.settingPrefix.count))] = text
        }
        return settings
    }

    private func entry() throws(QueueCommandError) -> EntryID {
        guard let text = arguments["entry"] else { throw .refused("name an entry") }
        return try present.entry(chosenBy: text).id
    }

    private func entryIfNamed() throws(QueueCommandError) -> EntryID? {
        arguments["entry"] == nil ? nil : try entry()
    }

    private func user() async throws -> UserID {
        guard let account = try await accounts.account(matching: arguments["user"] ?? "") else {
            throw AccountError.unknownUser
        }
        return account.id
    }

    private func position() throws(QueueCommandError) -> Int {
        guard let position = arguments["position"].flatMap({ Int($0) }), (1...100_000).contains(position) else {
            throw .refused("a place is 1 (the first of those who wait) or more")
        }
        return position
    }

    private func banEnd() throws(QueueCommandError) -> WallTime? {
        arguments["seconds"] == nil ? nil : now + .seconds(try span(1...Self.longestBan))
    }

    /// `90`, `90s`, `30m`, `2h`, `3d`, with a sign before it.
    private func span(_ range: ClosedRange<Int>) throws(QueueCommandError) -> Int {
        let text = arguments["seconds"] ?? ""
        let factors: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        let factor = text.last.flatMap { factors[$0] }
        let (seconds, overflow) = (Int(factor == nil ? text[...] : text.dropLast()) ?? .max)
            .multipliedReportingOverflow(by: factor ?? 1)
        guard !overflow, range.contains(seconds) else {
            throw .refused(
                "'\(text)' is no span like 90s, 30m or 2h between \(range.lowerBound) s and \(range.upperBound) s")
        }
        return seconds
    }
}
