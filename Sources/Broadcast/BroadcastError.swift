/// What can go wrong in `Broadcast`.
struct BroadcastError: Error, Equatable, CustomStringConvertible {
    enum Code: Equatable {
        /// The slate's clip has no pictures or no length.
        case emptySlate
    }

    var code: Code

    var description: String {
        switch code {
        case .emptySlate: "the slate has no pictures"
        }
    }
}
