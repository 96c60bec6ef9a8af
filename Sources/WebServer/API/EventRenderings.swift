import Domain
import NIOCore
import Synchronization

/// What event streams write, rendered once for all readers who see the same: a thousand readers cost a thousand writes, not a
/// thousand renderings (design §3).
///
/// Shared by all streams; any thread. Rendering happens under the lock: whoever comes meanwhile wants the same bytes.
final class EventRenderings: Sendable {
    /// Events that are kept rendered (I11): the next takes the oldest one's place, which is rendered anew if asked for.
    static let maximumEvents = 512

    /// Tells one state of a queue from another: nothing a view shows changes without one of these.
    private struct ViewKey: Equatable {
        var channel: ChannelName
        var version: Int64
        var at: WallTime
        var unwritten: QueueView.Unwritten?

        init(_ view: QueueView) {
            (channel, version, at, unwritten) = (view.channel, view.version, view.at, view.unwritten)
        }
    }

    private struct EventKey: Hashable {
        var channel: ChannelName
        var id: EventID
        var isWhole: Bool
    }

    private struct State {
        /// The newest for everyone and for operators.
        var views: [Audience: (key: ViewKey, bytes: ByteBuffer)] = [:]
        /// `nil` where the audience does not get the event.
        var events: [EventKey: ByteBuffer?] = [:]
        /// Of `events`, a ring.
        var order: [EventKey] = []
        var oldest = 0
        var renderings = 0
    }

    private let state = Mutex(State())

    /// How often something was rendered; for tests.
    var renderings: Int { state.withLock { $0.renderings } }

    /// The `queue` event of a view; `nil` when it cannot be rendered.
    func queue(_ view: QueueView, for audience: Audience) -> ByteBuffer? {
        switch audience {
        case .dj(let user):
            // Who has no entry, and is not kept out, sees what everyone sees.
            guard
                view.entries.contains(where: { $0.user == user }) || view.blocked.contains(where: { $0.user == user })
                    || view.banned.contains(where: { $0.user == user })
            else { return queue(view, for: .everyone) }
            state.withLock { $0.renderings += 1 }
            return Self.render(view, for: audience)
        case .everyone, .operators:
            let key = ViewKey(view)
            return state.withLock { state in
                if let kept = state.views[audience], kept.key == key { return kept.bytes }
                state.renderings += 1
                guard let bytes = Self.render(view, for: audience) else { return nil }
                state.views[audience] = (key, bytes)
                return bytes
            }
        }
    }

    /// One event; `nil` where this audience does not get it.
    func event(_ record: EventRecord, for audience: Audience) -> ByteBuffer? {
        // What a DJ gets of events is what everyone gets.
        let key = EventKey(channel: record.channel, id: record.id, isWhole: audience == .operators)
        return state.withLock { state in
            if let kept = state.events[key] { return kept }
            state.renderings += 1
            let bytes = Self.render(record, for: audience)
            if state.order.count < Self.maximumEvents {
                state.order.append(key)
            } else {
                state.events[state.order[state.oldest]] = nil
                state.order[state.oldest] = key
                state.oldest = (state.oldest + 1) % Self.maximumEvents
            }
            state.events.updateValue(bytes, forKey: key)
            return bytes
        }
    }

    private static func render(_ view: QueueView, for audience: Audience) -> ByteBuffer? {
        JSONAnswer.data(QueueAnswer(view, for: audience)).map { EventStreamFormat.event("queue", data: $0) }
    }

    private static func render(_ record: EventRecord, for audience: Audience) -> ByteBuffer? {
        guard let answer = EventAnswer(record, for: audience), let data = JSONAnswer.data(answer) else { return nil }
        return EventStreamFormat.event(record.kind, id: record.id, data: data)
    }
}
