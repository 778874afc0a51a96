// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ILoyaltyPoints} from "./ILoyaltyPoints.sol";
import {ISSUING_KINDS, KIND_EXPIRY} from "./PackedWords.sol";

/// @dev What is announced before it acts, and the brakes: rulesets, the pause, the sunset, the opening of transfers.
abstract contract ProgramControl is ILoyaltyPoints, AccessControlDefaultAdminRules {
    bytes32 public constant SETTLER_ROLE = keccak256("SETTLER");
    bytes32 public constant RULES_ROLE = keccak256("RULES");
    bytes32 public constant ISSUERS_ROLE = keccak256("ISSUERS");
    bytes32 public constant GUARD_ROLE = keccak256("GUARD");

    /// @dev A pause ends by itself.
    uint40 private constant PAUSE_MAX = 7 days;
    /// @dev Longer notices are mistakes: they would make the program impossible to run or to end.
    uint40 private constant NOTICE_MAX = 3650 days;
    /// @dev Rulesets only follow each other, so one announced for a far year would bar all others until then.
    uint40 private constant RULESET_AHEAD_MAX = 366 days;

    /// @inheritdoc ILoyaltyPoints
    uint256 public immutable DEPLOYED_AT;
    /// @inheritdoc ILoyaltyPoints
    uint40 public immutable noticePeriod;
    /// @inheritdoc ILoyaltyPoints
    uint40 public immutable sunsetNotice;

    /// @inheritdoc ILoyaltyPoints
    uint40 public pausedUntil;
    /// @inheritdoc ILoyaltyPoints
    uint40 public sunsetAnnouncedAt;
    /// @inheritdoc ILoyaltyPoints
    uint40 public sunsetAt;
    /// @inheritdoc ILoyaltyPoints
    uint40 public transfersOpenAt;

    /// @dev A ruleset is no addendum and follows an `older` one, or it adds to a `base`. It has at most one `addendum`.
    struct Record {
        uint40 effectiveAt;
        uint40 publishedAt;
        bytes32 base;
        bytes32 older;
        bytes32 addendum;
    }

    mapping(bytes32 rulesetHash => Record) private _rulesets;
    /// @dev The last ruleset that is no addendum.
    bytes32 private _newest;

    constructor(uint40 noticePeriod_, uint40 sunsetNotice_) {
        if (noticePeriod_ > NOTICE_MAX || sunsetNotice_ > NOTICE_MAX) revert NoticeTooLong(NOTICE_MAX);
        DEPLOYED_AT = block.number;
        noticePeriod = noticePeriod_;
        sunsetNotice = sunsetNotice_;
    }

    modifier whenNotPaused() {
        _requireNotPaused();
        _;
    }

    // --- Rulesets ----------------------------------------------------------------------------------------------------

    /// @inheritdoc ILoyaltyPoints
    function publishRuleset(bytes32 rulesetHash, string calldata uri, uint40 effectiveAt)
        external
        onlyRole(RULES_ROLE)
    {
        bytes32 older = _newest;
        uint40 earliest = 0;
        if (older != bytes32(0)) {
            uint40 noticed = _inFuture(noticePeriod);
            // Unchecked: the notice and a year after now.
            unchecked {
                earliest = _rulesets[older].effectiveAt + 1;
                uint40 latest = noticed + RULESET_AHEAD_MAX;
                if (effectiveAt > latest) revert RulesetTooLate(effectiveAt, latest);
            }
            if (earliest < noticed) earliest = noticed;
        } else if (effectiveAt != 0) {
            // The first one covers everything earlier, imports included.
            revert FirstRulesetNotZero(effectiveAt);
        }
        if (effectiveAt < earliest) revert RulesetTooEarly(effectiveAt, earliest);
        _record(rulesetHash, effectiveAt).older = older;
        _newest = rulesetHash;
        emit RulesetPublished(rulesetHash, effectiveAt, uri);
    }

    /// @inheritdoc ILoyaltyPoints
    function publishAddendum(bytes32 base, bytes32 rulesetHash, string calldata uri) external onlyRole(RULES_ROLE) {
        Record storage record = _rulesets[base];
        if (record.publishedAt == 0 || record.addendum != bytes32(0)) revert NotNewestOfItsLine(base);
        uint40 effectiveAt = _inFuture(0);
        if (effectiveAt < record.effectiveAt) effectiveAt = record.effectiveAt;
        record.addendum = rulesetHash;
        _record(rulesetHash, effectiveAt).base = base;
        emit AddendumPublished(base, rulesetHash, effectiveAt, uri);
    }

    /// @inheritdoc ILoyaltyPoints
    function rulesetOf(bytes32 rulesetHash)
        external
        view
        returns (uint40 effectiveAt, uint40 publishedAt, bytes32 base)
    {
        Record storage record = _rulesets[rulesetHash];
        return (record.effectiveAt, record.publishedAt, record.base);
    }

    /// @inheritdoc ILoyaltyPoints
    function rulesetAt(uint256 timestamp) external view returns (bytes32 rulesetHash) {
        rulesetHash = _newest;
        while (_rulesets[rulesetHash].effectiveAt > timestamp) rulesetHash = _rulesets[rulesetHash].older;
        bytes32 addendum = _rulesets[rulesetHash].addendum;
        while (addendum != bytes32(0) && _rulesets[addendum].effectiveAt <= timestamp) {
            rulesetHash = addendum;
            addendum = _rulesets[rulesetHash].addendum;
        }
    }

    /// @dev Reverts unless batches may name this ruleset now.
    function _requireInForce(bytes32 rulesetHash) internal view {
        Record storage record = _rulesets[rulesetHash];
        if (record.publishedAt == 0 || record.effectiveAt > block.timestamp) revert RulesetNotInForce(rulesetHash);
    }

    function _record(bytes32 rulesetHash, uint40 effectiveAt) private returns (Record storage record) {
        if (rulesetHash == bytes32(0)) revert EmptyRulesetHash();
        record = _rulesets[rulesetHash];
        if (record.publishedAt != 0) revert RulesetAlreadyPublished(rulesetHash);
        record.effectiveAt = effectiveAt;
        record.publishedAt = _inFuture(0);
    }

    // --- Brakes ------------------------------------------------------------------------------------------------------

    /// @inheritdoc ILoyaltyPoints
    function pause() external onlyRole(GUARD_ROLE) whenNotPaused {
        pausedUntil = _inFuture(PAUSE_MAX);
        emit Paused(msg.sender, pausedUntil);
    }

    /// @inheritdoc ILoyaltyPoints
    function unpause() external onlyRole(GUARD_ROLE) {
        if (!paused()) revert ExpectedPause();
        pausedUntil = 0;
        emit Unpaused(msg.sender);
    }

    /// @inheritdoc ILoyaltyPoints
    function paused() public view returns (bool) {
        return block.timestamp < pausedUntil;
    }

    function _requireNotPaused() internal view {
        if (paused()) revert EnforcedPause();
    }

    // --- Ending and opening ------------------------------------------------------------------------------------------

    /// @inheritdoc ILoyaltyPoints
    function announceSunset(uint40 at) external onlyRole(DEFAULT_ADMIN_ROLE) {
        uint40 current = sunsetAt;
        if (current != 0 && block.timestamp >= current) revert SunsetPassed(current);
        uint40 earliest = current == 0 ? _inFuture(sunsetNotice) : current;
        if (at < earliest) revert SunsetTooEarly(at, earliest);
        if (current == 0) sunsetAnnouncedAt = _inFuture(0);
        sunsetAt = at;
        emit SunsetAnnounced(at);
    }

    /// @inheritdoc ILoyaltyPoints
    function openTransfers() external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (transfersOpenAt != 0) revert TransfersAlreadyOpening(transfersOpenAt);
        transfersOpenAt = _inFuture(noticePeriod);
        emit TransfersOpening(transfersOpenAt);
    }

    /// @dev Kinds that the sunset stops now, one bit each: expiry until it comes, issuing from then on.
    function _stoppedKinds() internal view returns (uint256) {
        uint256 at = sunsetAt;
        if (at == 0) return 0;
        return block.timestamp < at ? 1 << KIND_EXPIRY : ISSUING_KINDS;
    }

    function _transfersOpen() internal view returns (bool) {
        return transfersOpenAt != 0 && block.timestamp >= transfersOpenAt;
    }

    /// @dev The block's time plus `wait`. Unchecked: 40 bits of seconds last until the year 36812, and no notice is
    /// longer than ten years.
    function _inFuture(uint40 wait) internal view returns (uint40) {
        unchecked {
            return uint40(block.timestamp) + wait;
        }
    }
}
