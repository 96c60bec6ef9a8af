import Domain
import NIOCore

/// The readers of one hub that live on one event loop: the hub crosses to that loop once, and the relay tells them all.
final class HubRelay: Sendable {
    private struct Member {
        var feed: ObjectIdentifier
        var reader: any HubReader
    }

    let eventLoop: any EventLoop
    let key: ObjectIdentifier
    private let members: NIOLoopBoundBox<[Member]>

    init(eventLoop: any EventLoop, key: ObjectIdentifier) {
        self.eventLoop = eventLoop
        self.key = key
        self.members = .makeBoxSendingValue([], eventLoop: eventLoop)
    }

    func add(_ reader: any HubReader, for feed: any HubFeed) {
        members.value.append(Member(feed: ObjectIdentifier(feed), reader: reader))
    }

    func remove(_ feed: any HubFeed) {
        members.value.removeAll { $0.feed == ObjectIdentifier(feed) }
    }

    /// Readers may leave while they are told; who has left is told in vain.
    func tellReaders() {
        for member in members.value { member.reader.hubMovedOn() }
    }
}
