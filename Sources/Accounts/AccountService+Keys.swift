package import Domain

extension AccountService {
    package func keys(of user: UserID) async throws(AccountError) -> [StreamKeyInfo] {
        try await storing { try await self.store.keys(of: user) }
    }

    package func createKey(for user: UserID, label: String) async throws(AccountError) -> IssuedKey {
        let label = try AccountRules.checkLabel(label)
        guard try await storing({ try await self.store.account(id: user) }) != nil else { throw .unknownUser }
        let live = try await keys(of: user).filter { $0.revokedAt == nil }
        guard live.count < AccountLimits.maximumLiveKeys else {
            throw .tooManyKeys(maximum: AccountLimits.maximumLiveKeys)
        }
        let (issued, digest) = makeKey(label: label)
        try await storing { try await self.store.insertKey(issued.info, digest: digest, user: user) }
        return issued
    }

    /// The key that was asked for is revoked and replaced in one transaction. Others with the same label are revoked before
    /// it: a failure in between leaves fewer keys, never more.
    package func rotateKey(_ key: KeyID, of user: UserID) async throws(AccountError) -> IssuedKey {
        let live = try await keys(of: user).filter { $0.revokedAt == nil }
        guard let old = live.first(where: { $0.id == key }) else { throw .unknownKey }
        for other in live where other.label == old.label && other.id != old.id {
            try await revokeKey(other.id, of: user)
        }
        let (issued, digest) = makeKey(label: old.label)
        let now = clock.now()
        let isRotated = try await storing {
            try await self.store.revokeKey(key, of: user, at: now, successor: (info: issued.info, digest: digest))
        }
        guard isRotated else { throw .unknownKey }
        return issued
    }

    package func revokeKey(_ key: KeyID, of user: UserID?) async throws(AccountError) {
        let now = clock.now()
        let isRevoked = try await storing {
            try await self.store.revokeKey(key, of: user, at: now, successor: nil)
        }
        guard isRevoked else { throw .unknownKey }
    }

    /// `lk_` and 160 random bits; its digest is over the whole text, as the encoder sends it.
    private func makeKey(label: String) -> (IssuedKey, digest: [UInt8]) {
        let key = Secret(StreamKey.prefix + Base32.text(random.bytes(StreamKey.randomBytes)))
        let info = StreamKeyInfo(id: .random(), label: label, createdAt: clock.now(), lastUsedAt: nil, revokedAt: nil)
        return (IssuedKey(info: info, key: key), digest.sha256(Array(key.exposed.utf8)))
    }
}

/// The form of a stream key: `lk_` and 32 digits of lower-case base32.
enum StreamKey {
    static let prefix = "lk_"
    /// 160 bits.
    static let randomBytes = 20
}
