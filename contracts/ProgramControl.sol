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
    uint40 internal constant PAUSE_MAX = 7 days;

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

    mapping(bytes32 rulesetHash => Ruleset) private _rulesets;
    /// @dev Rulesets that are no addenda, by rising `effectiveAt`.
    bytes32[] private _lines;
    /// @dev A ruleset that is no addendum => what was added to it, oldest first; each adds to the one before.
    mapping(bytes32 line => bytes32[] addenda) private _addenda;

    constructor(uint40 noticePeriod_, uint40 sunsetNotice_) {
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
        uint40 earliest = 0;
        uint256 count = _lines.length;
        if (count != 0) {
            uint40 afterLast = _rulesets[_lines[count - 1]].effectiveAt + 1;
            earliest = _inFuture(noticePeriod);
            if (earliest < afterLast) earliest = afterLast;
        }
        // The first one covers everything earlier, imports included, so it can name no later time.
        if (effectiveAt < earliest || (count == 0 && effectiveAt != 0)) {
            revert RulesetTooEarly(effectiveAt, earliest);
        }
        _record(rulesetHash, effectiveAt, bytes32(0));
        _lines.push(rulesetHash);
        emit RulesetPublished(rulesetHash, effectiveAt, uri);
    }

    /// @inheritdoc ILoyaltyPoints
    function publishAddendum(bytes32 base, bytes32 rulesetHash, string calldata uri) external onlyRole(RULES_ROLE) {
        bytes32 line = _lineOf(base);
        bytes32[] storage addenda = _addenda[line];
        bytes32 newest = addenda.length == 0 ? line : addenda[addenda.length - 1];
        if (_rulesets[base].publishedAt == 0 || newest != base) revert NotNewestOfItsLine(base);
        uint40 effectiveAt = _rulesets[base].effectiveAt;
        if (effectiveAt < _inFuture(0)) effectiveAt = _inFuture(0);
        _record(rulesetHash, effectiveAt, base);
        addenda.push(rulesetHash);
        emit AddendumPublished(base, rulesetHash, effectiveAt, uri);
    }

    /// @inheritdoc ILoyaltyPoints
    function rulesetOf(bytes32 rulesetHash) external view returns (Ruleset memory) {
        return _rulesets[rulesetHash];
    }

    /// @inheritdoc ILoyaltyPoints
    function rulesetAt(uint256 timestamp) external view returns (bytes32) {
        bytes32 line = _lastUntil(_lines, timestamp);
        bytes32 addendum = _lastUntil(_addenda[line], timestamp);
        return addendum == bytes32(0) ? line : addendum;
    }

    /// @dev Reverts unless batches may name this ruleset now.
    function _requireInForce(bytes32 rulesetHash) internal view {
        Ruleset storage ruleset = _rulesets[rulesetHash];
        if (ruleset.publishedAt == 0 || ruleset.effectiveAt > block.timestamp) revert RulesetNotInForce(rulesetHash);
    }

    function _record(bytes32 rulesetHash, uint40 effectiveAt, bytes32 base) private {
        if (rulesetHash == bytes32(0)) revert EmptyRulesetHash();
        if (_rulesets[rulesetHash].publishedAt != 0) revert RulesetAlreadyPublished(rulesetHash);
        _rulesets[rulesetHash] = Ruleset({effectiveAt: effectiveAt, publishedAt: _inFuture(0), base: base});
    }

    /// @dev The ruleset that a chain of addenda started from. Each step goes to an older one, so it ends.
    function _lineOf(bytes32 rulesetHash) private view returns (bytes32) {
        bytes32 base = _rulesets[rulesetHash].base;
        while (base != bytes32(0)) {
            rulesetHash = base;
            base = _rulesets[rulesetHash].base;
        }
        return rulesetHash;
    }

    /// @dev The last of `hashes` (by rising time) that acts at `timestamp`; 0 if none does.
    function _lastUntil(bytes32[] storage hashes, uint256 timestamp) private view returns (bytes32) {
        for (uint256 i = hashes.length; i > 0; --i) {
            if (_rulesets[hashes[i - 1]].effectiveAt <= timestamp) return hashes[i - 1];
        }
        return bytes32(0);
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

    /// @dev The block's time plus `wait`; checked, so a time beyond 40 bits reverts.
    function _inFuture(uint40 wait) internal view returns (uint40) {
        return uint40(block.timestamp) + wait;
    }
}
