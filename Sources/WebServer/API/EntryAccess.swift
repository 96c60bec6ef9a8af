import Domain

/// Finds the entry that an address names, for the DJ it belongs to and for operators.
struct EntryAccess: Sendable {
    var queue: any QueueDesk

    /// - Throws: 404 for an entry that is not in the queue, 403 for somebody else's.
    func entry(of request: WebRequest) async throws -> QueueView.Entry {
        guard let caller = request.caller else { throw Problem.signInFirst }
        let view = try await queue.view(of: try request.channel())
        let name = request.parameters["entry"] ?? ""
        guard let id = EntryID(name), let entry = view.entries.first(where: { $0.id == id }) else {
            throw Problem.notFound("There is no such entry in the queue.")
        }
        guard caller.role >= .operator || caller.user == entry.user else { throw Problem.roleTooLow(.operator) }
        return entry
    }
}
