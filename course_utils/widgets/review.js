// A review: questions out of the quizzes of earlier lessons (review.py chooses them), asked as a quiz asks.

render = asker({ ...QUIZ, head: (of) => title(`Review: ${of}`) }, "review");
