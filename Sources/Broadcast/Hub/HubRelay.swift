import Domain
import NIOCore

/// The readers of one hub that live on one event loop: the hub crosses to that loop once, and the relay tells them all.
final class HubRelay: Sendable {
    /// What is on the loop only.
    final class Board {
        fileprivate var members: [Member] = []
        /// What came since the readers were told last, while they are told: whoever kept up takes it as one.
        fileprivate(set) var run: (packets: HubLog.Run, bytes: ByteBuffer)?
    }

    fileprivate struct Member {
        var feed: ObjectIdentifier
        var reader: any HubReader
    }

    let eventLoop: any EventLoop
    let key: ObjectIdentifier
    private let boxed: NIOLoopBoundBox<Board>

    init(eventLoop: any EventLoop, key: ObjectIdentifier) {
        self.eventLoop = eventLoop
        self.key = key
        self.boxed = .makeBoxSendingValue(Board(), eventLoop: eventLoop)
    }

    var board: Board { boxed.value }

    func add(_ reader: any HubReader, for feed: any HubFeed) {
        board.members.append(Member(feed: ObjectIdentifier(feed), reader: reader))
    }

    func remove(_ feed: any HubFeed) {
        board.members.removeAll { $0.feed == ObjectIdentifier(feed) }
    }

    /// Readers may leave while they are told; who has left is told in vain.
    /// - Parameter run: what came since they were told last.
    func tellReaders(_ run: HubLog.Run?) {
        let board = board
        board.run = run.map { ($0, $0.joined()) }
        for member in board.members { member.reader.hubMovedOn() }
        board.run = nil
    }
}
