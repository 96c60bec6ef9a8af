import Domain

/// What placeholders stand for: the queue at a moment.
struct StageFacts: Sendable, Equatable {
    /// What the programme's output shows, as far as a studio cares.
    enum Showing: Sendable, Equatable {
        case slate
        case dj(EntryID)
    }

    /// `nil` while one DJ is left and the other's first picture has not come: nothing is switched meanwhile.
    var showing: Showing?
    /// Who is on air; empty while the slate shows.
    var dj: String
    var next: String
    /// Whole seconds left of the slot; `nil` without a limit, and while nobody is on air.
    var remainingSeconds: Int?
    /// The time left is running down.
    var isTicking: Bool
    var channel: String
    var waiting: Int

    init(_ view: QueueView, now: WallTime) {
        let onAir = view.entries.first { $0.state == .onAir }
        channel = view.channel.text
        waiting = view.entries.count { $0.state == .waiting }
        next = view.entries.first { $0.state == .waiting && $0.ready && !$0.held }?.name ?? ""
        dj = ""
        isTicking = false
        guard view.showing == .dj else {
            showing = .slate
            return
        }
        guard let onAir, onAir.onAirSince != nil else { return }
        showing = .dj(onAir.id)
        dj = onAir.name
        guard let left = onAir.remainingSeconds else { return }
        isTicking = onAir.clockRuns
        let passed = onAir.clockRuns ? Double((now - view.at).wholeMilliseconds) / 1000 : 0
        remainingSeconds = max(0, Int((left - max(0, passed)).rounded()))
    }

    /// For a dry run where no server runs.
    static let example: StageFacts = {
        var facts = StageFacts(
            QueueView(
                channel: .main, version: 1, at: WallTime(milliseconds: 0), showing: .slate, isOpen: true,
                slotSeconds: nil,
                entries: []), now: WallTime(milliseconds: 0))
        facts.showing = .dj(EntryID(high: 0, low: 1))
        (facts.dj, facts.next, facts.remainingSeconds, facts.waiting) = ("DJ Mira", "DJ Noah", 754, 3)
        return facts
    }()

    /// `12:34`, `1:02:03`; empty where there is no limit.
    var remaining: String {
        guard let left = remainingSeconds else { return "" }
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let (hours, minutes, seconds) = (left / 3600, left / 60 % 60, left % 60)
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(seconds))" : "\(minutes):\(two(seconds))"
    }

    static let placeholders = ["dj", "next", "remaining", "channel", "waiting"]

    /// Puts the values in. What stands in a name is no placeholder again.
    func filled(_ template: String) -> String {
        guard template.contains("{") else { return template }
        var result = ""
        var rest = template[...]
        while let open = rest.firstIndex(of: "{") {
            result += rest[..<open]
            rest = rest[open...]
            guard let name = Self.placeholders.first(where: { rest.hasPrefix("{\($0)}") }) else {
                result += "{"
                rest = rest.dropFirst()
                continue
            }
            result += value(name)
            rest = rest.dropFirst(name.count + 2)
        }
        return result + rest
    }

    private func value(_ name: String) -> String {
        switch name {
        case "dj": dj
        case "next": next
        case "remaining": remaining
        case "channel": channel
        default: "\(waiting)"
        }
    }
}
