// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Setup} from "./Setup.sol";
import {LoyaltyPoints} from "contracts/LoyaltyPoints.sol";

/// @dev Our own properties under the names of crytic's ERC-20 suite, over three self-custody accounts with transfers open.
contract Properties is Setup {
    address[3] internal users;
    uint256 internal constant START = 1000;

    function setUp() public {
        _deploy();
        uint256[] memory words = new uint256[](3);
        for (uint256 i = 0; i < 3; ++i) {
            users[i] = vm.addr(i + 1);
            words[i] = _word(users[i], 1, 1, START);
        }
        require(_settle(1, words), "settled");
        for (uint256 i = 0; i < 3; ++i) {
            _bind(i + 1);
        }
        token.openTransfers();
    }

    function test_ERC20_constantSupply(uint256 amount, uint8 from, uint8 to) public {
        _tryTransfer(users[from % 3], users[to % 3], amount);
        _holds();
    }

    function test_ERC20_zeroAddressBalance(uint256 amount) public {
        require(!_tryTransfer(users[0], address(0), amount), "a transfer to nobody");
        require(token.balanceOf(address(0)) == 0, "nobody holds nothing");
    }

    function test_ERC20_transferToZeroAddress(uint256 amount) public {
        require(!_tryTransfer(users[0], address(0), amount % (START + 1)), "reverts");
    }

    function test_ERC20_transferFromToZeroAddress(uint256 amount) public {
        require(!_tryTransferFrom(users[0], address(0), amount % (START + 1)), "reverts");
    }

    function test_ERC20_selfTransfer(uint256 amount) public {
        amount %= START + 1;
        require(_tryTransfer(users[0], users[0], amount), "moves");
        require(token.balanceOf(users[0]) == START, "to oneself changes nothing");
    }

    function test_ERC20_selfTransferFrom(uint256 amount) public {
        amount %= START + 1;
        require(_tryTransferFrom(users[0], users[0], amount), "moves");
        require(token.balanceOf(users[0]) == START, "to oneself changes nothing");
    }

    function test_ERC20_transferMoreThanBalance(uint256 amount) public {
        vm.assume(amount > START);
        require(!_tryTransfer(users[0], users[1], amount), "reverts");
        require(token.balanceOf(users[0]) == START && token.balanceOf(users[1]) == START, "unchanged");
    }

    function test_ERC20_transferFromMoreThanBalance(uint256 amount) public {
        vm.assume(amount > START);
        require(!_tryTransferFrom(users[0], users[1], amount), "reverts");
        require(token.balanceOf(users[0]) == START && token.balanceOf(users[1]) == START, "unchanged");
    }

    function test_ERC20_transferZeroAmount() public {
        require(_tryTransfer(users[0], users[1], 0), "zero is an amount");
        _holds();
    }

    function test_ERC20_transferFromZeroAmount() public {
        require(_tryTransferFrom(users[0], users[1], 0), "zero is an amount");
        _holds();
    }

    function test_ERC20_transfer(uint256 amount) public {
        amount %= START + 1;
        require(_tryTransfer(users[0], users[1], amount), "moves");
        require(token.balanceOf(users[0]) == START - amount, "sent");
        require(token.balanceOf(users[1]) == START + amount, "received");
    }

    function test_ERC20_transferFrom(uint256 amount) public {
        amount %= START + 1;
        require(_tryTransferFrom(users[0], users[1], amount), "moves");
        require(token.balanceOf(users[0]) == START - amount, "sent");
        require(token.balanceOf(users[1]) == START + amount, "received");
    }

    function test_ERC20_setAllowance(uint256 amount) public {
        vm.prank(users[0]);
        token.approve(users[1], amount);
        require(token.allowance(users[0], users[1]) == amount, "as set");
    }

    function test_ERC20_setAllowanceTwice(uint256 first, uint256 second) public {
        test_ERC20_setAllowance(first);
        test_ERC20_setAllowance(second);
    }

    function test_ERC20_spendAllowanceAfterTransfer(uint256 allowed, uint256 amount) public {
        amount %= START + 1;
        vm.assume(allowed >= amount && allowed != type(uint256).max);
        vm.prank(users[0]);
        token.approve(address(this), allowed);
        require(token.transferFrom(users[0], users[1], amount), "moves");
        require(token.allowance(users[0], address(this)) == allowed - amount, "spent");
    }

    function test_ERC20_pausedTransfer(uint256 amount) public {
        token.pause();
        require(!_tryTransfer(users[0], users[1], amount % (START + 1)), "paused");
    }

    function test_ERC20_pausedTransferFrom(uint256 amount) public {
        token.pause();
        require(!_tryTransferFrom(users[0], users[1], amount % (START + 1)), "paused");
    }

    function test_ERC20_mintTokens(uint256 amount) public {
        amount = 1 + amount % (2 ** 53 - 1);
        require(_settleOne(2, _word(users[0], 1, 1, amount)), "settled");
        require(token.balanceOf(users[0]) == START + amount, "minted");
        require(token.totalSupply() == 3 * START + amount, "supply");
    }

    function test_ERC20_burn(uint256 amount, address account) public {
        amount = 1 + amount % START;
        vm.assume(account != address(0) && account != users[0] && account != users[1] && account != users[2]);
        require(_settleOne(2, _word(account, 1, 1, START)), "settled");
        require(_settleOne(3, _word(account, 2, 7, amount)), "settled");
        require(token.balanceOf(account) == START - amount, "burned");
        require(token.totalSupply() == 4 * START - amount, "supply");
    }

    function test_it_skips_whatever_word_cannot_be_applied(uint256[8] calldata given) public {
        uint256[] memory words = new uint256[](8);
        for (uint256 i = 0; i < 8; ++i) {
            words[i] = i % 2 == 0 ? given[i] : _word(users[given[i] % 3], given[i] % 12, 1, given[i] % 2000);
        }
        require(_settle(2, words), "a batch never reverts for its words");
        require(!_settle(2, words), "and applies once");
        for (uint256 i = 0; i < 3; ++i) {
            require(token.balanceOf(users[i]) >= START, "no operator lowers a self-custody balance");
        }
    }

    function _holds() private view {
        uint256 sum = 0;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 balance = token.balanceOf(users[i]);
            require(balance <= token.totalSupply(), "no balance above the supply");
            sum += balance;
        }
        require(sum == token.totalSupply() && sum == 3 * START, "balances are the supply");
    }

    function _tryTransfer(address from, address to, uint256 amount) private returns (bool done) {
        bool isPredicted = token.detectTransferRestriction(from, to, amount) == 0;
        vm.prank(from);
        (done,) = address(token).call(abi.encodeCall(token.transfer, (to, amount)));
        require(done == isPredicted, "the prediction is what happens");
    }

    function _tryTransferFrom(address from, address to, uint256 amount) private returns (bool done) {
        bool isPredicted = token.detectTransferRestriction(from, to, amount) == 0;
        vm.prank(from);
        token.approve(address(this), type(uint256).max);
        (done,) = address(token).call(abi.encodeCall(token.transferFrom, (from, to, amount)));
        require(done == isPredicted, "the prediction is what happens");
    }

    function _bind(uint256 key) private {
        address account = vm.addr(key);
        bytes32 typehash = keccak256("Bind(address from,address to,uint40 expiresAt,uint64 nonce,uint256 deadline)");
        bytes32 data = keccak256(abi.encode(typehash, account, account, 0, 0, type(uint256).max));
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("LoyaltyPoints"),
                keccak256("1"),
                block.chainid,
                address(token)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, data)));
        token.bindSelfCustody(account, account, 0, type(uint256).max, abi.encodePacked(r, s, v), "");
    }
}
