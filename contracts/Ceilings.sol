// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILoyaltyPoints} from "./ILoyaltyPoints.sol";
import {ProgramControl} from "./ProgramControl.sol";
import {
    MASK_24,
    MASK_40,
    MASK_64,
    LANE_DAY_SHIFT,
    LANE_DEBITED_SHIFT,
    LANE_LIMIT_SHIFT,
    LANE_RAISES_SHIFT,
    PARTY_ISSUED_SHIFT,
    PARTY_PERIOD_SHIFT,
    PARTY_RAISES_SHIFT,
    PARTY_REGISTERED,
    PARTY_WINDOW_SHIFT
} from "./PackedWords.sol";

/// @dev What bounds a stolen operator key: each party's ceiling in a window, each operator's debits in a day. Lower acts at once, higher
/// is announced first. A stored word may be old; `_partyNow` and `_laneNow` say what it means in this block.
abstract contract Ceilings is ProgramControl {
    /// @dev A raise that waits for its time, beside the word whose `raises at` field is set.
    struct Raise {
        uint64 ceiling;
        uint40 period;
    }

    mapping(address operator => uint256 word) internal _lanes;
    mapping(uint256 party => uint256 word) internal _parties;
    mapping(address operator => uint64 limit) private _nextDebitLimits;
    mapping(uint256 party => Raise) private _raises;

    // --- Parties -----------------------------------------------------------------------------------------------------

    /// @inheritdoc ILoyaltyPoints
    function registerParty(uint24 party, string calldata name_, uint64 ceiling, uint40 period) external {
        bool isAdmin = hasRole(DEFAULT_ADMIN_ROLE, msg.sender);
        if (!isAdmin) _checkRole(ISSUERS_ROLE);
        if (party == 0) revert InvalidParty(party);
        if (_parties[party] != 0) revert PartyAlreadyRegistered(party);
        emit PartyRegistered(party, name_);
        _setCeiling(party, PARTY_REGISTERED, ceiling, period, isAdmin || ceiling == 0);
    }

    /// @inheritdoc ILoyaltyPoints
    function setCeiling(uint24 party, uint64 ceiling, uint40 period) external onlyRole(ISSUERS_ROLE) {
        uint256 word = _partyNow(party);
        if (word == 0) revert PartyNotRegistered(party);
        // A longer window of another length may end sooner than the running one, and what was issued would be forgotten.
        bool isAsStrict = period == 0 || period == (word >> PARTY_PERIOD_SHIFT) & MASK_40;
        _setCeiling(party, word, ceiling, period, isAsStrict && ceiling <= word & MASK_64);
    }

    /// @inheritdoc ILoyaltyPoints
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
        )
    {
        uint256 word = _partyNow(party);
        raisesAt = uint40(word >> PARTY_RAISES_SHIFT);
        Raise storage raise = _raises[raisesAt == 0 ? 0 : party]; // nobody has number 0: its raise is empty
        return (
            uint64(word),
            uint64(word >> PARTY_ISSUED_SHIFT),
            uint40(word >> PARTY_WINDOW_SHIFT),
            uint40(word >> PARTY_PERIOD_SHIFT),
            word != 0,
            raise.ceiling,
            raise.period,
            raisesAt
        );
    }

    /// @dev The party's word as of this block: a raise whose time has come is in it, and a past window's points are not.
    /// 0 for a number nobody has.
    function _partyNow(uint256 party) internal view returns (uint256 word) {
        word = _parties[party];
        uint256 raisesAt = (word >> PARTY_RAISES_SHIFT) & MASK_40;
        if (raisesAt != 0 && block.timestamp >= raisesAt) {
            Raise storage raise = _raises[party];
            word = _withCeiling(_inWindow(word, raisesAt), raise.ceiling, raise.period, raisesAt);
        }
        word = _inWindow(word, block.timestamp);
    }

    function _setCeiling(uint24 party, uint256 word, uint64 ceiling, uint40 period, bool isAtOnce) private {
        uint40 effectiveAt = _inFuture(isAtOnce ? 0 : noticePeriod);
        word &= ~(MASK_40 << PARTY_RAISES_SHIFT); // whatever was announced before is replaced
        if (isAtOnce || noticePeriod == 0) {
            word = _withCeiling(word, ceiling, period, block.timestamp);
        } else {
            word |= uint256(effectiveAt) << PARTY_RAISES_SHIFT;
            _raises[party] = Raise({ceiling: ceiling, period: period});
        }
        _parties[party] = word;
        emit CeilingSet(party, ceiling, period, effectiveAt);
    }

    /// @dev `word` with another ceiling and period from `at` on and no raise waiting. What was issued in the window of `at` counts on: a
    /// change of period is no way to issue twice.
    function _withCeiling(uint256 word, uint256 ceiling, uint256 period, uint256 at) private pure returns (uint256) {
        uint256 issued = word & (MASK_64 << PARTY_ISSUED_SHIFT);
        uint256 window = period == 0 ? 0 : at / period;
        return PARTY_REGISTERED | (period << PARTY_PERIOD_SHIFT) | (window << PARTY_WINDOW_SHIFT) | issued | ceiling;
    }

    /// @dev `word` in the window of `at`, with nothing issued yet if that is a new one.
    function _inWindow(uint256 word, uint256 at) private pure returns (uint256) {
        uint256 period = (word >> PARTY_PERIOD_SHIFT) & MASK_40;
        uint256 window = period == 0 ? 0 : at / period;
        if ((word >> PARTY_WINDOW_SHIFT) & MASK_40 == window) return word;
        word &= ~((MASK_64 << PARTY_ISSUED_SHIFT) | (MASK_40 << PARTY_WINDOW_SHIFT));
        return word | (window << PARTY_WINDOW_SHIFT);
    }

    // --- Lanes -------------------------------------------------------------------------------------------------------

    /// @inheritdoc ILoyaltyPoints
    function setDebitLimit(address operator, uint64 limit) external {
        bool isAdmin = hasRole(DEFAULT_ADMIN_ROLE, msg.sender);
        if (!isAdmin) _checkRole(ISSUERS_ROLE);
        uint256 word = _laneNow(operator);
        bool isFirst = isAdmin && word & MASK_64 == 0;
        bool isAtOnce = isFirst || noticePeriod == 0 || limit <= (word >> LANE_LIMIT_SHIFT) & MASK_64;
        word &= ~(MASK_24 << LANE_RAISES_SHIFT);
        uint40 effectiveAt = _inFuture(0);
        if (isAtOnce) {
            word = (word & ~(MASK_64 << LANE_LIMIT_SHIFT)) | (uint256(limit) << LANE_LIMIT_SHIFT);
        } else {
            // Limits count by the day, so a higher one acts from the first whole day after the notice.
            // Unchecked: times far below 2^40.
            unchecked {
                uint40 raisesOnDay = (_inFuture(noticePeriod) + 1 days - 1) / 1 days;
                effectiveAt = raisesOnDay * 1 days;
                word |= uint256(raisesOnDay) << LANE_RAISES_SHIFT;
            }
            _nextDebitLimits[operator] = limit;
        }
        _lanes[operator] = word;
        emit DebitLimitSet(operator, limit, effectiveAt);
    }

    /// @inheritdoc ILoyaltyPoints
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
        )
    {
        uint256 word = _laneNow(operator);
        raisesOnDay = uint24(word >> LANE_RAISES_SHIFT);
        return (
            uint64(word),
            uint64(word >> LANE_LIMIT_SHIFT),
            uint64(word >> LANE_DEBITED_SHIFT),
            uint40(word >> LANE_DAY_SHIFT),
            raisesOnDay == 0 ? 0 : _nextDebitLimits[operator],
            raisesOnDay
        );
    }

    /// @inheritdoc ILoyaltyPoints
    function lastSeq(address operator) external view returns (uint64) {
        return uint64(_lanes[operator]);
    }

    /// @inheritdoc ILoyaltyPoints
    function nextSeq(address operator) external view returns (uint64) {
        // Unchecked: no operator sends 2^64 batches.
        unchecked {
            return uint64(_lanes[operator]) + 1;
        }
    }

    /// @dev The operator's word as of this block: today's debits, and a raise whose day has come.
    function _laneNow(address operator) internal view returns (uint256 word) {
        word = _lanes[operator];
        uint256 today = block.timestamp / 1 days;
        uint256 raisesOnDay = word >> LANE_RAISES_SHIFT;
        if (raisesOnDay != 0 && today >= raisesOnDay) {
            word &= ~((MASK_24 << LANE_RAISES_SHIFT) | (MASK_64 << LANE_LIMIT_SHIFT));
            word |= uint256(_nextDebitLimits[operator]) << LANE_LIMIT_SHIFT;
        }
        if ((word >> LANE_DAY_SHIFT) & MASK_40 != today) {
            word &= ~((MASK_64 << LANE_DEBITED_SHIFT) | (MASK_40 << LANE_DAY_SHIFT));
            word |= today << LANE_DAY_SHIFT;
        }
    }
}
