// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Loyalty points that anyone can check
/// @notice Points of one loyalty programme. Merchants award and accept them through the programme's operators; every change is
/// one entry of a numbered batch, and every batch names the published rules it was made under.
/// @dev An ERC-20 with `decimals() = 0`; the ERC-20 functions and the role functions come from IERC20Metadata, ERC-6093 and
/// AccessControlDefaultAdminRules. Amounts are whole points, times are Unix seconds of the block clock.
interface ILoyaltyPoints {
    // --- Receipts ----------------------------------------------------------------------------------------------------

    /// @notice What a receipt says about one entry or fact; with chain id and this contract's address it makes a leaf.
    struct Receipt {
        address operator;
        uint64 seq;
        uint256 index;
        address account;
        uint8 kind;
        uint24 party;
        uint64 amount;
        bytes32 commitment;
    }

    // --- Events ------------------------------------------------------------------------------------------------------

    /// @notice A batch was applied.
    /// @param operator who sent it
    /// @param seq its number in the operator's own count 1, 2, 3 …
    /// @param rulesetHash the published rules it was made under
    /// @param receiptsRoot Merkle root of its receipts
    /// @param count entries applied, which is the number of its `Transfer` events
    /// @param minted points added by its credits
    /// @param burned points taken by its debits
    event BatchSettled(
        address indexed operator,
        uint64 indexed seq,
        bytes32 indexed rulesetHash,
        bytes32 receiptsRoot,
        uint256 count,
        uint256 minted,
        uint256 burned
    );

    /// @notice The entry at `index` of a batch was not applied; its neighbours were.
    /// @param reason 1 bad word · 2 frozen · 3 self-custody debit · 4 short balance · 5 unknown party · 6 ceiling ·
    /// 7 debit limit · 8 sunset · 9 restored beyond redeemed and donated · 10 moved in beyond moved out
    event EntrySkipped(address indexed operator, uint64 indexed seq, uint256 index, uint8 reason);

    /// @notice A ruleset was published; its document is at `uri` and hashes to `rulesetHash`.
    event RulesetPublished(bytes32 indexed rulesetHash, uint40 effectiveAt, string uri);
    /// @notice A ruleset that only adds to `base` was published.
    event AddendumPublished(bytes32 indexed base, bytes32 indexed rulesetHash, uint40 effectiveAt, string uri);

    /// @notice A party got its number.
    event PartyRegistered(uint24 indexed party, string name);
    /// @notice A party may issue `ceiling` points in each `period` seconds from `effectiveAt` on.
    event CeilingSet(uint24 indexed party, uint64 ceiling, uint40 period, uint40 effectiveAt);
    /// @notice An operator may take from custodial accounts and restore `limit` points a day from `effectiveAt` on.
    event DebitLimitSet(address indexed operator, uint64 limit, uint40 effectiveAt);

    /// @notice Everything but the way into and out of self-custody stops until `until`.
    event Paused(address indexed guard, uint40 until);
    /// @notice The pause was ended early.
    event Unpaused(address indexed guard);
    /// @notice An account was frozen or freed.
    event FreezeChanged(address indexed account, bool isFrozen);
    /// @notice The programme ends at `at`: nothing is issued from then on.
    event SunsetAnnounced(uint40 at);
    /// @notice Self-custody accounts may transfer points to each other from `at` on.
    event TransfersOpening(uint40 at);

    /// @notice The points of `from` are under the own key of `to` now. With `from == to` no `Transfer` comes with it.
    event SelfCustodyBound(address indexed from, address indexed to, uint256 amount, uint40 expiresAt);
    /// @notice The points of `from` went back into the programme's custody at `to`.
    event ReturnedToCustody(address indexed from, address indexed to, uint256 amount);
    /// @notice The date from which a self-custody balance may expire was put off; 0 = never.
    event SelfCustodyExpiryRaised(address indexed account, uint40 expiresAt);
    /// @notice A holder spent points with their own signature.
    event Redeemed(
        address indexed account, uint24 indexed merchant, bytes32 indexed reward, uint256 amount, uint64 nonce
    );
    /// @notice Whatever the holder signed before carries a dead number now; `nonce` is the next one.
    event NonceInvalidated(address indexed account, uint64 nonce);

    // --- Errors ------------------------------------------------------------------------------------------------------

    /// @notice The batch is not the next one of its operator.
    error BatchOutOfSequence(uint64 expected, uint64 given);
    /// @notice Batches are sent by an account without code itself, never through a contract, so that the words are in the transaction.
    error IndirectCall();
    /// @notice No such ruleset, or it does not act yet.
    error RulesetNotInForce(bytes32 rulesetHash);
    /// @notice A 64-bit total would overflow. `kind` as in an entry; 11 = redeemed by signature.
    error TotalsOverflow(uint256 kind);

    /// @notice The ruleset hash is zero.
    error EmptyRulesetHash();
    /// @notice This hash was published before.
    error RulesetAlreadyPublished(bytes32 rulesetHash);
    /// @notice A notice of more than ten years is a mistake.
    error NoticeTooLong(uint40 longest);
    /// @notice The first ruleset covers everything earlier: its `effectiveAt` is 0.
    error FirstRulesetNotZero(uint40 effectiveAt);
    /// @notice The ruleset would act too early.
    error RulesetTooEarly(uint40 effectiveAt, uint40 earliest);
    /// @notice The ruleset would act more than a year after its notice, and bar all others until then.
    error RulesetTooLate(uint40 effectiveAt, uint40 latest);
    /// @notice The base was never published, or something was added to it already: add to the newest.
    error NotNewestOfItsLine(bytes32 base);

    /// @notice Party numbers start at 1.
    error InvalidParty(uint24 party);
    /// @notice This number is taken.
    error PartyAlreadyRegistered(uint24 party);
    /// @notice Nobody has this number.
    error PartyNotRegistered(uint24 party);

    /// @notice Not while paused.
    error EnforcedPause();
    /// @notice Only while paused.
    error ExpectedPause();
    /// @notice The sunset would come too early.
    error SunsetTooEarly(uint40 at, uint40 earliest);
    /// @notice The program has ended.
    error SunsetPassed(uint40 at);
    /// @notice Transfers were opened before.
    error TransfersAlreadyOpening(uint40 at);

    /// @notice Points are not transferable (yet).
    error TransfersDisabled();
    /// @notice The account is frozen.
    error AccountFrozen(address account);
    /// @notice The account's points are in the programme's custody.
    error NotSelfCustody(address account);
    /// @notice The account's points are under its own key already.
    error AlreadySelfCustody(address account);
    /// @notice Points can only be bound or returned to an account without points, freeze or own key.
    error DestinationNotEmpty(address account);
    /// @notice The date of a self-custody account can only be put off.
    error ExpiryNotRaised(uint40 current, uint40 given);
    /// @notice The date travels with the points unchanged.
    error ExpiryMismatch(uint40 current, uint40 given);
    /// @notice The signature's time is over.
    error SignatureExpired(uint256 deadline);
    /// @notice Not signed by `account` for exactly this.
    error InvalidSignature(address account);
    /// @notice Amounts are 1 … 2^53 − 1.
    error InvalidAmount(uint256 amount);

    // --- Settling ----------------------------------------------------------------------------------------------------

    /// @notice Writes a batch of entries. Only SETTLER, only directly and from an account without code.
    /// @dev Applied once however often its signed bytes are sent. An entry that cannot be applied is skipped and reported.
    /// Reverts as a whole only for: paused, no role, wrong sequence, ruleset not in force, totals overflow.
    /// @param seq the caller's last batch + 1
    /// @param rulesetHash a published ruleset that acts
    /// @param receiptsRoot Merkle root of the batch's receipts
    /// @param entries words, high to low: account 160 | kind 8 | party 24 | amount 64; may be empty (facts only)
    function settle(uint64 seq, bytes32 rulesetHash, bytes32 receiptsRoot, uint256[] calldata entries) external;

    // --- Rules, ceilings, brakes -------------------------------------------------------------------------------------

    /// @notice Publishes a ruleset, at least `noticePeriod` ahead, at most 366 days more, and after all others. Only RULES.
    /// @param rulesetHash keccak-256 of the document's RFC 8785 bytes
    /// @param effectiveAt 0 for the first one
    function publishRuleset(bytes32 rulesetHash, string calldata uri, uint40 effectiveAt) external;

    /// @notice Publishes a ruleset that equals `base` plus additions; acts as soon as its base does. Only RULES.
    /// @dev Whether it only adds is for auditors to see: the contract knows hashes.
    function publishAddendum(bytes32 base, bytes32 rulesetHash, string calldata uri) external;

    /// @notice Gives a party its number and first ceiling: at once if ADMIN does it, after `noticePeriod` if ISSUERS does.
    /// @param party 1 is the program itself
    /// @param name public name of the merchant or cause
    /// @param ceiling points in one window; 0 for a party that never issues
    /// @param period seconds of a window; 0 = one window for ever
    function registerParty(uint24 party, string calldata name, uint64 ceiling, uint40 period) external;

    /// @notice Changes a ceiling. Only ISSUERS. Acts at once if it is lower, after `noticePeriod` otherwise.
    /// @dev Lower = not more points, in windows of the same length or in one for ever. Replaces a raise that still waits. What was issued
    /// in the running window counts on in the first window of the new period.
    function setCeiling(uint24 party, uint64 ceiling, uint40 period) external;

    /// @notice Changes what an operator may take from custodial accounts and restore in a day. ISSUERS or ADMIN. Acts at once if it is lower,
    /// or if ADMIN sets it for an operator that never settled; otherwise on the first day after `noticePeriod`.
    function setDebitLimit(address operator, uint64 limit) external;

    /// @notice Stops batches, signed redemptions and transfers for at most 7 days. Only GUARD.
    function pause() external;
    /// @notice Ends a pause early. Only GUARD.
    function unpause() external;
    /// @notice Freezes or frees an account. Only GUARD.
    function setFrozen(address account, bool isFrozen) external;
    /// @notice Announces the end of the program, at least `sunsetNotice` ahead; may be moved later, never earlier. Only ADMIN.
    function announceSunset(uint40 at) external;
    /// @notice Lets self-custody accounts transfer to each other, after `noticePeriod`, for good. Only ADMIN.
    function openTransfers() external;

    // --- Self-custody ------------------------------------------------------------------------------------------------

    /// @notice Puts all points of `from` under the own key of `to`. Anyone may send it; works under pause.
    /// @dev Typed data `Bind(address from,address to,uint40 expiresAt,uint64 nonce,uint256 deadline)` with the nonce of `from`, signed
    /// by `from` and by `to` (one signature if they are the same: `toSignature` is not read). `to` must be without points and flags.
    /// Both nonces go on. A freeze follows the points. An account that is in self-custody keeps its date.
    /// @param expiresAt from when on the programme may expire the points; 0 = never
    function bindSelfCustody(
        address from,
        address to,
        uint40 expiresAt,
        uint256 deadline,
        bytes calldata fromSignature,
        bytes calldata toSignature
    ) external;

    /// @notice Gives all points of `from` back into the programme's custody at `to`. Anyone may send it; works under pause.
    /// @dev Typed data `Return(address from,address to,uint64 nonce,uint256 deadline)`, signed by `from`. `to` is `from` itself or without
    /// points and flags. A frozen account can only be given back in place.
    function returnToCustody(address from, address to, uint256 deadline, bytes calldata signature) external;

    /// @notice Puts off the date from which a self-custody balance may expire; 0 = never. Only SETTLER.
    function raiseSelfCustodyExpiry(address account, uint40 expiresAt) external;

    /// @notice Spends points of a self-custody account by its own signature. Anyone may send it; a freeze does not stop it.
    /// @dev Typed data `Redeem(address account,uint64 amount,uint24 merchant,bytes32 reward,uint64 nonce,uint256 deadline)`.
    /// @param reward hash of the quote
    function redeemWithSignature(
        address account,
        uint64 amount,
        uint24 merchant,
        bytes32 reward,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice Makes everything worthless that the caller signed so far for its own points. Its consent to receive those of another
    /// account goes by the nonce of that one.
    function invalidateNonce() external;

    // --- ERC-1404 ----------------------------------------------------------------------------------------------------

    /// @notice What would stop a transfer now: 0 nothing · 1 transfers are off · 2 paused · 3 no receiver · 4 sender in custody ·
    /// 5 receiver in custody · 6 sender frozen · 7 receiver frozen · 8 short balance.
    /// @dev Agrees exactly with `transfer`, and with `transferFrom` under a sufficient allowance.
    function detectTransferRestriction(address from, address to, uint256 value) external view returns (uint8);
    /// @notice The sentence for a code of `detectTransferRestriction`.
    function messageForTransferRestriction(uint8 code) external view returns (string memory);

    // --- Views -------------------------------------------------------------------------------------------------------

    /// @notice One holder.
    /// @return balance points held
    /// @return nonce number that the holder's next signature must carry; only ever rises
    /// @return selfCustodyExpiresAt from when on the programme may expire a self-custody balance; 0 = never
    /// @return isSelfCustody the holder's own key alone moves these points
    /// @return isFrozen entries and transfers are stopped; a signed redemption is not
    function accountOf(address account)
        external
        view
        returns (uint128 balance, uint64 nonce, uint40 selfCustodyExpiresAt, bool isSelfCustody, bool isFrozen);

    /// @notice The number that the account's next signature must carry.
    function nonces(address account) external view returns (uint64);

    /// @notice One operator, as of this block.
    /// @return seq sequence number of its last batch; 0 = none yet
    /// @return debitLimit points it may take from custodial accounts and restore, added up, in one day (UTC)
    /// @return debited points it has taken and restored today
    /// @return day days since 1970-01-01 (UTC)
    /// @return nextDebitLimit a higher limit that has been announced; 0 if none
    /// @return raisesOnDay the day from which `nextDebitLimit` acts; 0 if none
    function laneOf(address operator)
        external
        view
        returns (
            uint64 seq,
            uint64 debitLimit,
            uint64 debited,
            uint40 day,
            uint64 nextDebitLimit,
            uint24 raisesOnDay
        );

    /// @notice Number of the operator's last batch; 0 = none.
    function lastSeq(address operator) external view returns (uint64);
    /// @notice The only number that the operator's next batch can have.
    function nextSeq(address operator) external view returns (uint64);

    /// @notice One party, as of this block.
    /// @return ceiling points it may issue (issuances and adjustments up) in one window
    /// @return issued points it has issued in this window
    /// @return window number of this window, `block.timestamp / period`; 0 if the period is 0
    /// @return period length of a window in seconds; 0 = one window for ever
    /// @return isRegistered false for a number nobody has
    /// @return nextCeiling a ceiling that has been announced; 0 if none
    /// @return nextPeriod its period
    /// @return raisesAt when it acts; 0 if none
    function partyOf(uint24 party)
        external
        view
        returns (
            uint64 ceiling,
            uint64 issued,
            uint40 window,
            uint40 period,
            bool isRegistered,
            uint64 nextCeiling,
            uint40 nextPeriod,
            uint40 raisesAt
        );

    /// @notice Points of every kind since the beginning. Supply = issued + restored + adjustedUp + movedIn − redeemed − expired −
    /// reversed − donated − adjustedDown − movedOut − redeemedBySignature.
    function totals()
        external
        view
        returns (
            uint64 issued,
            uint64 redeemed,
            uint64 expired,
            uint64 reversed,
            uint64 restored,
            uint64 donated,
            uint64 adjustedUp,
            uint64 adjustedDown,
            uint64 movedOut,
            uint64 movedIn,
            uint64 redeemedBySignature
        );

    /// @notice One ruleset.
    /// @return effectiveAt from when on batches may name it; 0 for the first one, which covers everything earlier
    /// @return publishedAt block time of publication; 0 = never published
    /// @return base the ruleset it adds to, or 0 if it is no addendum
    function rulesetOf(bytes32 rulesetHash)
        external
        view
        returns (uint40 effectiveAt, uint40 publishedAt, bytes32 base);

    /// @notice The ruleset in force at a time, its addenda up to then included; 0 if none was published.
    function rulesetAt(uint256 timestamp) external view returns (bytes32);
    function paused() external view returns (bool);
    /// @notice End of the last pause; 0 if there was none or it was ended early.
    function pausedUntil() external view returns (uint40);
    /// @notice When the sunset was first announced; 0 = it was not.
    function sunsetAnnouncedAt() external view returns (uint40);
    /// @notice From when on nothing is issued; 0 = not announced.
    function sunsetAt() external view returns (uint40);
    /// @notice From when on self-custody accounts may transfer; 0 = not opened.
    function transfersOpenAt() external view returns (uint40);
    /// @notice Whether `receipt` is in the tree under `receiptsRoot`. Take the root from the canonical `BatchSettled` of (operator, seq)
    /// and look for an `EntrySkipped` of its index: a proof alone says neither.
    function verifyReceipt(bytes32 receiptsRoot, Receipt calldata receipt, bytes32[] calldata proof)
        external
        view
        returns (bool);

    /// @notice Block in which this contract was made: logs start here.
    function DEPLOYED_AT() external view returns (uint256);
    /// @notice Seconds between an announcement of rules or higher ceilings and their effect.
    function noticePeriod() external view returns (uint40);
    /// @notice Seconds between the announcement of the end and the end.
    function sunsetNotice() external view returns (uint40);
}
