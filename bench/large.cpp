// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// large.cpp - a guest of about a megabyte for bench/instantiate: what a C++ program drags in with streams,
// locales and regular expressions. Built with debug names left in, as programs are shipped.
//
//   clang++-22 --target=wasm32-wasi -O2 -fno-exceptions bench/large.cpp -o large.wasm
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

static int words[64 * 1024] = {1, 2, 3}; // a sizeable data segment

int main(int argc, char **argv)
{
    std::map<std::string, std::vector<int>> seen;
    std::regex word("([a-z]+)([0-9]*)");
    for (int i = 0; i < argc; i++) {
        std::string text = argv[i];
        for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it)
            seen[(*it)[1].str()].push_back((*it)[2].length() ? std::stoi((*it)[2].str()) : 0);
    }
    std::ostringstream out;
    for (auto &[name, values] : seen) {
        std::sort(values.begin(), values.end());
        out << name << " " << values.size() << " " << words[argc & 65535] << "\n";
    }
    std::cout << out.str();
}
