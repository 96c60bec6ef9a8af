import Domain
import OBSProtocol

/// Decides what one OBS is sent: holds what it should show, what is not shown yet, and what was not read back yet. Pure: views,
/// events, answers and the time in, batches out.
///
///     a view or an event ─▶ desired ─▶ changed ──batch──▶ unread ──read back──▶ shown
///                                         ▲                  │ another value: 3 times at most
///                                         └──────────────────┘
///
/// Only the newest wish on a thing is kept, so whatever waits is one batch. Acts (a media restart) belong to one transition: they go
/// with its batch, once, or not at all.
struct StageDirector: Sendable {
    /// What to send next.
    enum Order: Sendable, Equatable {
        case apply(OBSBatch)
        case read(OBSBatch)
    }

    private struct Wish: Sendable {
        var item: StageItem
        /// In the order of the wishing.
        var serial: Int
        /// Tries since it was wished or the connection was made.
        var failures = 0
        var problem: String?
    }

    private enum Sent: Sendable {
        /// Items with the number of their requests.
        case apply([(item: StageItem, count: Int)])
        case read([(item: StageItem, count: Int)])
    }

    static let maximumTries = 3
    static let maximumActs = 64
    static let maximumWishes = 256

    private let script: StageScript
    private(set) var facts: StageFacts?
    private var shownSituation: StageFacts.Showing?
    private var lastStanding: [String: StageItem] = [:]
    private var wishes: [String: Wish] = [:]
    /// Keys in the order of their wishing.
    private var order: [String] = []
    private var changed: Set<String> = []
    private var unread: Set<String> = []
    private var acts: [(serial: Int, item: StageItem)] = []
    private var serial = 0
    private var isConnected = false
    private var sent: Sent?
    /// OBS is not ready yet, or shows another value: not before then.
    private(set) var notBefore: WallTime?
    private var unreadyTries = 0
    /// Transitions whose batch was sent.
    private(set) var transitions = 0
    private var hasTransition = false

    init(script: StageScript) { self.script = script }

    /// Why something is not shown; `nil` when all is.
    var problem: String? { order.lazy.compactMap { wishes[$0]?.problem }.first }
    /// The last wish of streaming or recording; `nil` where nobody wished.
    var wantsStream: Bool? { wanted("stream", "StartStream") }
    var wantsRecord: Bool? { wanted("record", "StartRecord") }
    var isTicking: Bool { script.presets.timerText != nil && facts?.isTicking == true }

    private func wanted(_ key: String, _ start: String) -> Bool? { wishes[key].map { $0.item.request.type == start } }

    // MARK: What happens in the queue

    mutating func observed(_ view: QueueView, now: WallTime) {
        let facts = StageFacts(view, now: now)
        self.facts = facts
        guard let showing = facts.showing else { return }
        for item in script.standing(facts) {
            guard let key = item.key, lastStanding[key] != item else { continue }
            lastStanding[key] = item
            wish(item)
        }
        guard showing != shownSituation else { return }
        let isFirst = shownSituation == nil
        shownSituation = showing
        hasTransition = !isFirst
        // An older transition's acts are of the past.
        acts = []
        happened(showing == .slate ? StageScript.slateStarted : StageScript.onAirStarted, facts)
        // What was there before we looked is none: nobody knows for how long.
        if isFirst { acts = [] }
    }

    /// An event of the channel. Who is on air is told by `observed`.
    mutating func happened(_ kind: String) {
        guard kind != StageScript.onAirStarted, kind != StageScript.slateStarted, let facts else { return }
        happened(kind, facts)
    }

    private mutating func happened(_ kind: String, _ facts: StageFacts) {
        for item in script.items(on: kind, facts) {
            if item.key != nil { wish(item) } else if isConnected { act(item) }
        }
    }

    private mutating func act(_ item: StageItem) {
        let isRepeated = item.request.type != "Sleep" && acts.contains { $0.item == item }
        guard !isRepeated, acts.count < Self.maximumActs else { return }
        serial += 1
        acts.append((serial, item))
    }

    private mutating func wish(_ item: StageItem) {
        guard let key = item.key else { return }
        guard wishes[key] != nil || wishes.count < Self.maximumWishes else { return }
        if wishes[key]?.item == item, wishes[key]?.problem == nil { return }
        serial += 1
        wishes[key] = Wish(item: item, serial: serial)
        // What is new does not wait for what was not taken.
        if unreadyTries == 0 { notBefore = nil }
        order.removeAll { $0 == key }
        order.append(key)
        changed.insert(key)
        unread.remove(key)
    }

    // MARK: The connection

    /// What OBS shows now is not known: all of it is read before anything is changed.
    mutating func connected() {
        isConnected = true
        sent = nil
        acts = []
        notBefore = nil
        unreadyTries = 0
        for key in order {
            wishes[key]?.failures = 0
            wishes[key]?.problem = nil
            guard let item = wishes[key]?.item else { continue }
            // What cannot be read is said again; stream and record are left to the watch, which knows what runs.
            if ["stream", "record"].contains(key) {
                changed.remove(key)
            } else if item.reading.isEmpty {
                changed.insert(key)
            } else {
                unread.insert(key)
                changed.remove(key)
            }
        }
    }

    mutating func disconnected() {
        isConnected = false
        sent = nil
        acts = []
    }

    /// Stream or record is not as wished: it is asked for again.
    mutating func wishAgain(_ key: String) {
        guard wishes[key] != nil else { return }
        changed.insert(key)
    }

    /// - Returns: `nil` while there is nothing to send, before `notBefore`, and while an answer is awaited.
    mutating func nextOrder(now: WallTime) -> Order? {
        guard isConnected, sent == nil else { return nil }
        if let notBefore, notBefore > now { return nil }
        notBefore = nil
        // A new wish does not wait for the reading of older ones.
        let wished = changed.compactMap { wishes[$0] }.map { (serial: $0.serial, item: $0.item) }
        let items = (wished + acts).sorted { $0.serial < $1.serial }.map(\.item)
        if !items.isEmpty {
            acts = []
            changed = []
            if hasTransition { transitions += 1 }
            hasTransition = false
            sent = .apply(items.map { ($0, $0.requests.count) })
            return .apply(OBSBatch(items.flatMap(\.requests)))
        }
        let toRead = order.filter { unread.contains($0) }.compactMap { wishes[$0]?.item }
        guard !toRead.isEmpty else { return nil }
        sent = .read(toRead.map { ($0, $0.reading.count) })
        return .read(OBSBatch(toRead.flatMap(\.reading), execution: .serialRealtime))
    }

    mutating func answered(_ replies: [OBSReply], now: WallTime) {
        guard let sent else { return }
        self.sent = nil
        if replies.contains(where: { $0.status == .notReady }) { return notReady(sent, now: now) }
        unreadyTries = 0
        switch sent {
        case .apply(let items):
            for (item, replies) in Self.divided(items, replies) { applied(item, replies, now: now) }
        case .read(let items):
            for (item, replies) in Self.divided(items, replies) { read(item, replies, now: now) }
        }
    }

    private static func divided(
        _ items: [(item: StageItem, count: Int)], _ replies: [OBSReply]
    ) -> [(StageItem, ArraySlice<OBSReply>)] {
        var rest = replies[...]
        return items.map { item, count in
            defer { rest = rest.dropFirst(count) }
            return (item, rest.prefix(count))
        }
    }

    /// After its start OBS answers so for a while: the same again, soon.
    private mutating func notReady(_ sent: Sent, now: WallTime) {
        unreadyTries += 1
        notBefore = now + .milliseconds(min(1000, 200 * unreadyTries))
        switch sent {
        case .apply(let items): for (item, _) in items { item.key.map { _ = changed.insert($0) } }
        case .read: break
        }
    }

    private mutating func applied(_ item: StageItem, _ replies: ArraySlice<OBSReply>, now: WallTime) {
        guard let key = item.key, wishes[key]?.item == item, !changed.contains(key) else { return }
        if let failed = replies.first(where: { !$0.isDone && !$0.isAsWished }) {
            return missed(key, failed.problem, now: now)
        }
        guard !item.reading.isEmpty else {
            wishes[key]?.problem = nil
            return
        }
        unread.insert(key)
    }

    private mutating func read(_ item: StageItem, _ replies: ArraySlice<OBSReply>, now: WallTime) {
        guard let key = item.key, wishes[key]?.item == item, unread.remove(key) != nil else { return }
        guard let last = replies.last, replies.allSatisfy(\.isDone) else {
            return missed(key, replies.first { !$0.isDone }?.problem ?? "OBS gave no answer", now: now)
        }
        guard !item.isShown(by: last) else {
            wishes[key]?.problem = nil
            wishes[key]?.failures = 0
            return
        }
        missed(key, "\(item.request.type): OBS shows something else", now: now)
    }

    private mutating func missed(_ key: String, _ problem: String, now: WallTime) {
        guard var wish = wishes[key] else { return }
        wish.failures += 1
        if wish.failures > 1 { wish.problem = problem }
        wishes[key] = wish
        guard wish.failures <= Self.maximumTries else { return }
        changed.insert(key)
        // The first time at once: after a connection it is only a difference.
        if wish.failures > 1 { notBefore = now + .milliseconds(250 << (wish.failures - 2)) }
    }
}

extension OBSReply {
    /// It was so already.
    fileprivate var isAsWished: Bool {
        (type == "StartStream" || type == "StartRecord") && status == .outputRunning
            || (type == "StopStream" || type == "StopRecord") && status == .outputNotRunning
    }
}
