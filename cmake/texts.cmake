# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# cmake -DTERN=PROGRAM -DOUT=FOLDER -P texts.cmake - the manual pages (OUT/man) and completion scripts
# (OUT/completions, as they lie below share/) that the command says of itself. The pages are tern(1) and those it
# refers to.

function(say file)
  execute_process(COMMAND ${TERN} ${ARGN} OUTPUT_FILE ${OUT}/${file} RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${TERN} ${ARGN} ended with ${code}")
  endif()
endfunction()

file(MAKE_DIRECTORY ${OUT}/man ${OUT}/completions/bash-completion/completions
  ${OUT}/completions/zsh/site-functions ${OUT}/completions/fish/vendor_completions.d)
say(man/tern.1 help --man)
file(READ ${OUT}/man/tern.1 page)
string(REPLACE "\\-" "-" page "${page}")
string(REGEX MATCHALL "fB[a-z-]+.fR\\(1\\)" references "${page}")
foreach(reference IN LISTS references)
  string(REGEX REPLACE "^fB([a-z-]+).*" "\\1" name "${reference}")
  string(REGEX REPLACE "^tern-" "" command "${name}")
  say(man/${name}.1 help --man ${command})
endforeach()
say(completions/bash-completion/completions/tern completion bash)
file(CREATE_LINK tern ${OUT}/completions/bash-completion/completions/iwasm SYMBOLIC)
say(completions/zsh/site-functions/_tern completion zsh)
say(completions/fish/vendor_completions.d/tern.fish completion fish)
file(CREATE_LINK tern.fish ${OUT}/completions/fish/vendor_completions.d/iwasm.fish SYMBOLIC)
