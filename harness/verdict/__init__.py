"""What a test says and on what ground: requirement, assertion, verdict, transcript, run bundle."""
